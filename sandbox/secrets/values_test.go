package secrets

import (
	"strings"
	"testing"
)

// TestMoreVariables: names and values of services and frameworks.
func TestMoreVariables(t *testing.T) {
	for name, value := range map[string]string{
		"DB_PW": "x", "MYSQL_ROOT_PW": "x", "PGPASS": "x", "PGPASSFILE": "/x", "CONNECTION_STRING": "x", "ConnectionStrings__Default": "x", "AzureWebJobsStorage": "x", "DISCORD_WEBHOOK": "x",
		"SMTP_CRED": "x", "BASICAUTH": "x", "WALLET_MNEMONIC": "x", "SEED_PHRASE": "x", "GCP_SA_JSON": "x", "dbPassword": "x", "apiKey": "x", "authToken": "x", "REDIS_CONN_STR": "x", "TOTP": "x",
		"Jwt:Key": "x", "SQLCONNSTR_Main": "x", "TEAMS_WEBHOOK_URL": "x", "RECOVERY_CODES": "x", "STORAGE_SAS": "x", "TLS_PEM": "x", "WIFI_PSK": "x", "GOOGLE_SERVICE_ACCOUNT": "x",
		"JDBC_URL": "jdbc:postgresql://db/x?user=me&password=hush",
		"A":        "Server=db;Database=x;User Id=sa;Password=hush;", "B": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=aGVsbG8=;EndpointSuffix=core.windows.net",
		"C": "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=aGVsbG8=", "D": "-----BEGIN RSA PRIVATE KEY-----\nMII", "E": "{\"type\": \"service_account\", \"private_key\": \"x\"}",
		"F": "https://hooks.slack.com/services/T0/B0/xyz", "G": "https://discord.com/api/webhooks/1/x", "H": "gh" + "p_0123456789abcdefghijABCDEFGHIJ012345", "I": "xo" + "xb-123456789012-abcdefghijkl",
		"J": "s" + "k-abcdefghijklmnopqrstuvwxyz0123456789", "K": "s" + "k-ant-api03-abcdefghijklmnop", "L": "AK" + "IAIOSFODNN7EXAMPLE", "M": "gl" + "pat-abcdefghij1234567890", "N": "Bearer ey" + "JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
		"O": "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/2", "P": "np" + "m_abcdefghijklmnopqrstuvwxyz0123456789", "Q": "--user me --password=hush", "R": "LS0tLS1CRUdJTiBQUklWQVRF",
		"S": "{\"auths\":{\"ghcr.io\":{}}}", "T": "https://blob.example/c?sv=2020&token=abc", "U": "host=db user=me password=hush dbname=x", "V": "[\"gh" + "o_0123456789abcdefghij\"]",
		"W": "da" + "pi0123456789abcdef0123456789abcdef", "X": "s" + "k-svcacct-abcdefghij-0123456789", "Y": "{\"endpointCredentials\": [{\"username\": \"me\", \"password\": \"hush\"}]}",
		"GIT_CONFIG_VALUE_0": "AUTHORIZATION: basic eDpo", "BUNDLE_GEMS__EXAMPLE__COM": "me:hush", "Z": "https://hooks.slack.com/triggers/T0/1/x", "AA": "glcb" + "t-1_abcdefghij0123456789",
	} {
		if !Variable(name, value) {
			t.Errorf("%s=%s is a secret", name, value)
		}
	}
}

// TestOrdinaryVariables: what real environments of desktops, shells and build tools have.
func TestOrdinaryVariables(t *testing.T) {
	const ordinary = `
SHELL=/bin/bash
PATH=/home/me/.local/bin:/home/me/.cargo/bin:/usr/local/bin:/usr/bin:/bin:/snap/bin
LS_COLORS=rs=0:di=01;34:ln=01;36:mh=00:pi=40;33:so=01;35:*.tar=01;31:*.pem=00;32
LANG=en_US.UTF-8
LANGUAGE=en_US:en
LC_ALL=C.UTF-8
TERM=xterm-256color
COLORTERM=truecolor
TERM_PROGRAM=vscode
TERM_PROGRAM_VERSION=1.99.0
HOME=/home/me
USER=me
LOGNAME=me
PWD=/home/me/src/sk-learn-experiments-of-2024-and-later
OLDPWD=/home/me
SHLVL=2
EDITOR=vim
VISUAL=code --wait
PAGER=less -R
LESS=-R -F -X --mouse
LESSOPEN=| /usr/bin/lesspipe %s
MANPATH=/usr/share/man:/usr/local/share/man
DISPLAY=:0
WAYLAND_DISPLAY=wayland-0
XDG_RUNTIME_DIR=/run/user/1000
XDG_DATA_DIRS=/usr/share/gnome:/usr/local/share:/usr/share:/var/lib/snapd/desktop
XDG_CONFIG_DIRS=/etc/xdg/xdg-ubuntu:/etc/xdg
XDG_CURRENT_DESKTOP=ubuntu:GNOME
XDG_SESSION_TYPE=wayland
XDG_SESSION_CLASS=user
XDG_SESSION_DESKTOP=ubuntu
XDG_SESSION_ID=3
XDG_MENU_PREFIX=gnome-
DESKTOP_SESSION=ubuntu
GDMSESSION=ubuntu
GNOME_TERMINAL_SCREEN=/org/gnome/Terminal/screen/0123abcd_4567_89ab_cdef_0123456789ab
GTK_MODULES=gail:atk-bridge
QT_ACCESSIBILITY=1
QT_IM_MODULE=ibus
XMODIFIERS=@im=ibus
PS1=\u@\h:\w\$ 
PROMPT_COMMAND=history -a; __git_ps1 "\u@\h:\w" "\\\$ "
HISTCONTROL=ignoreboth
HISTSIZE=100000
KEYTIMEOUT=1
FZF_DEFAULT_OPTS=--height 40% --bind=ctrl-k:kill-line --color=fg:-1,bg:-1
FZF_DEFAULT_COMMAND=fd --type f --hidden --exclude .git
RIPGREP_CONFIG_PATH=/home/me/.ripgreprc
BAT_THEME=ansi
CC=ccache gcc-14
CXX=g++
CFLAGS=-O2 -g -Wall -DVERSION="1.2.3"
CPPFLAGS=-I/usr/include/foo -D_FORTIFY_SOURCE=3
LDFLAGS=-Wl,-z,relro -L/opt/lib
MAKEFLAGS=-j8 --no-print-directory
CMAKE_PREFIX_PATH=/opt/qt6;/opt/boost
PKG_CONFIG_PATH=/usr/lib/pkgconfig
CCACHE_DIR=/home/me/.ccache
LD_LIBRARY_PATH=/opt/cuda/lib64
GOPATH=/home/me/go
GIT_CONFIG_COUNT=1
GIT_CONFIG_KEY_0=core.hooksPath
GIT_CONFIG_VALUE_0=.githooks
BUNDLE_PATH=vendor/bundle
BUNDLE_BUILD__NOKOGIRI=--use-system-libraries
GOROOT=/usr/local/go
GOFLAGS=-mod=mod -trimpath
GOPROXY=https://proxy.golang.org,direct
GOPRIVATE=*.corp.example
GONOSUMDB=corp.example
GOSUMDB=sum.golang.org
GOTOOLCHAIN=local
CGO_ENABLED=0
CGO_CFLAGS_ALLOW=-f.*
CARGO_HOME=/home/me/.cargo
CARGO_TARGET_DIR=target
RUSTUP_HOME=/home/me/.rustup
RUSTFLAGS=-C target-cpu=native
RUST_BACKTRACE=1
RUST_LOG=info,hyper=warn
NODE_ENV=production
NODE_OPTIONS=--max-old-space-size=4096
NVM_DIR=/home/me/.nvm
NVM_BIN=/home/me/.nvm/versions/node/v22.11.0/bin
NPM_CONFIG_PREFIX=/home/me/.npm-global
npm_config_cache=/home/me/.npm
npm_lifecycle_event=test
npm_package_version=1.0.0
PNPM_HOME=/home/me/.local/share/pnpm
YARN_CACHE_FOLDER=/tmp/yarn
PYTHONPATH=src:lib
PYTHONHASHSEED=0
PYTHONUNBUFFERED=1
PYTHONDONTWRITEBYTECODE=1
VIRTUAL_ENV=/home/me/src/.venv
VIRTUAL_ENV_PROMPT=(.venv) 
PIP_INDEX_URL=https://pypi.example/simple/
PYENV_ROOT=/home/me/.pyenv
CONDA_PREFIX=/opt/conda/envs/base
CONDA_DEFAULT_ENV=base
UV_CACHE_DIR=/tmp/uv
JAVA_HOME=/usr/lib/jvm/java-21-openjdk-amd64
MAVEN_OPTS=-Xmx2g -Dorg.slf4j.simpleLogger.defaultLogLevel=warn
GRADLE_OPTS=-Dorg.gradle.daemon=false
GRADLE_USER_HOME=/home/me/.gradle
SDKMAN_DIR=/home/me/.sdkman
ANDROID_HOME=/home/me/Android/Sdk
GEM_HOME=/home/me/.gem
RBENV_ROOT=/home/me/.rbenv
BUNDLE_PATH=vendor/bundle
PERL5LIB=/home/me/perl5/lib/perl5
TZ=Europe/Berlin
CI=true
BUILD_NUMBER=1234
BUILD_ID=20240131.5
COMMIT_SHA=0123456789abcdef0123456789abcdef01234567
RANDOM_SEED=42
SOURCE_DATE_EPOCH=1700000000
HTTP_PROXY=http://proxy.example:3128
HTTPS_PROXY=http://proxy.example:3128
NO_PROXY=localhost,127.0.0.1,.example
SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
NODE_EXTRA_CA_CERTS=/etc/ssl/corp.crt
DATABASE_HOST=db.example
DATABASE_URL=postgres://localhost/test
REDIS_URL=redis://localhost:6379/0
API_URL=https://api.example/v1?page=2&sort=name
REPO_URL=ssh://git@github.com/owner/repository-with-a-long-name-2.git
GIT_AUTHOR_NAME=Me
GIT_AUTHOR_EMAIL=me@example.org
GIT_EDITOR=vim
GIT_PAGER=delta
GIT_ASKPASS=/usr/bin/ksshaskpass
SUDO_USER=me
WINDOWID=12345678
TMUX=/tmp/tmux-1000/default,1234,0
TMUX_PANE=%0
STARSHIP_SHELL=bash
DIRENV_DIFF=eJwEwEEOgCAMBMC
MISE_SHELL=zsh
WSLENV=PATH/l:USERPROFILE/p
INIT_CWD=/home/me/src
TOKENIZERS_PARALLELISM=false
CUDA_VISIBLE_DEVICES=0,1
OMP_NUM_THREADS=8
HF_HOME=/home/me/.cache/huggingface
MASON_ROOT=/home/me/.local/share/nvim/mason
CLUTTER_IM_MODULE=ibus
IM_CONFIG_PHASE=1
MEMORY_PRESSURE_WRITE=c29tZSAyMDAwMDAgMjAwMDAwMAA=
SYSTEMD_EXEC_PID=2345
INVOCATION_ID=0123456789abcdef0123456789abcdef
JOURNAL_STREAM=8:12345
COMPASS=north
BYPASS=1
KEYBOARD=us
MONKEY=1
CAPSLOCK=0
HOTEL=5
ASIAN=1
ASIAPACIFIC_REGION_2=x
`
	for line := range strings.Lines(ordinary) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if ok && Variable(name, value) {
			t.Errorf("%s=%s is no secret", name, value)
		}
	}
}
