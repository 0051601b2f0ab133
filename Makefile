# What CI runs is what the README says: make test, make check.

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT ?= $(shell git rev-parse HEAD 2>/dev/null)
PREFIX ?= /usr/local
SHARE = $(PREFIX)/share
FUZZTIME ?= 20s
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build demo test check race security vm vm-ci fuzz bench install install-apparmor clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)' -o bin/ ./cmd/sbx ./cmd/sbx-image

# Compiles and runs a program inside sbx, and shows what is not there.
demo: build
	@cmd/sbx/testdata/demo/demo.sh bin/sbx

test:
	@.ci/test

# What is compiled for the checks is what the build takes then.
check: export CGO_ENABLED = 0
check: export GOFLAGS := $(GOFLAGS) -trimpath
check:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'gofmt: the files above'; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags guest ./...
	GOARCH=arm64 $(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) test -count=1 -run TestImportsPointOneWay ./cmd/sbx

# What shares memory with a Go program, under the race detector.
race:
	@PACKAGES='./userns/... ./sandbox ./sandbox/egress' .ci/test -race

# The attacks alone, which are among the tests: in sbx, and without a sandbox.
security:
	@.ci/test -run TestSecurity

# The tests on other kernels, in Debian guests: GUESTS='6.1 6.12' and TESTS=regexp choose.
vm:
	@.ci/vm/run

# Two of them, with what CI has time for.
vm-ci:
	@PACKAGES='cmd/sbx userns sandbox sandbox/layer sandbox/landlock' GUESTS='5.10 quick' .ci/vm/run

fuzz:
	$(GO) test -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) ./idmap
	$(GO) test -run '^$$' -fuzz FuzzInterpreter -fuzztime $(FUZZTIME) ./sandbox
	$(GO) test -run '^$$' -fuzz FuzzLookUp -fuzztime $(FUZZTIME) ./sandbox
	$(GO) test -run '^$$' -fuzz FuzzParsePublished -fuzztime $(FUZZTIME) ./sandbox
	$(GO) test -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) ./sandbox/amount
	$(GO) test -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) ./sandbox/seccomp
	$(GO) test -run '^$$' -fuzz FuzzCompile -fuzztime $(FUZZTIME) ./sandbox/seccomp
	$(GO) test -run '^$$' -fuzz FuzzConfig -fuzztime $(FUZZTIME) ./sandbox/runlater
	$(GO) test -run '^$$' -fuzz FuzzGitFile -fuzztime $(FUZZTIME) ./sandbox/runlater
	$(GO) test -run '^$$' -fuzz FuzzParseSource -fuzztime $(FUZZTIME) ./sandbox/image
	$(GO) test -run '^$$' -fuzz FuzzDocuments -fuzzminimizetime 10x -fuzztime $(FUZZTIME) ./sandbox/image
	$(GO) test -run '^$$' -fuzz FuzzUnpack -fuzzminimizetime 10x -fuzztime $(FUZZTIME) ./sandbox/image/unpack
	$(GO) test -run '^$$' -fuzz FuzzParseRule -fuzztime $(FUZZTIME) ./sandbox/egress
	$(GO) test -run '^$$' -fuzz FuzzAnswer -fuzztime $(FUZZTIME) ./sandbox/egress
	$(GO) test -run '^$$' -fuzz FuzzHello -fuzztime $(FUZZTIME) ./sandbox/egress
	$(GO) test -run '^$$' -fuzz FuzzUnreached -fuzztime $(FUZZTIME) ./sandbox/egress
	$(GO) test -run '^$$' -fuzz FuzzWeb -fuzztime $(FUZZTIME) ./sandbox/egress
	$(GO) test -run '^$$' -fuzz FuzzProxy -fuzztime $(FUZZTIME) ./sandbox/egress
	$(GO) test -run '^$$' -fuzz FuzzFilter -fuzztime $(FUZZTIME) ./sandbox/terminal
	$(GO) test -run '^$$' -fuzz FuzzScan -fuzzminimizetime 10x -fuzztime $(FUZZTIME) ./sandbox/journal
	$(GO) test -run '^$$' -fuzz FuzzStreams -fuzzminimizetime 10x -fuzztime $(FUZZTIME) ./sandbox/journal
	$(GO) test -run '^$$' -fuzz FuzzCopy -fuzzminimizetime 10x -fuzztime $(FUZZTIME) ./sandbox/transfer
	$(GO) test -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) ./profiles
	$(GO) test -run '^$$' -fuzz FuzzXML -fuzztime $(FUZZTIME) ./profiles/hosts

bench:
	@.ci/bench

install: build
	install -D -m 0755 bin/sbx $(DESTDIR)$(PREFIX)/bin/sbx
	install -D -m 0755 bin/sbx-image $(DESTDIR)$(PREFIX)/libexec/sbx/sbx-image
	rm -rf bin/share && mkdir bin/share
	bin/sbx help --man bin/share/man
	bin/sbx completion bash >bin/share/sbx
	bin/sbx completion zsh >bin/share/_sbx
	bin/sbx completion fish >bin/share/sbx.fish
	install -d $(DESTDIR)$(SHARE)/man/man1
	install -m 0644 bin/share/man/*.1 $(DESTDIR)$(SHARE)/man/man1
	install -D -m 0644 bin/share/sbx $(DESTDIR)$(SHARE)/bash-completion/completions/sbx
	install -D -m 0644 bin/share/_sbx $(DESTDIR)$(SHARE)/zsh/site-functions/_sbx
	install -D -m 0644 bin/share/sbx.fish $(DESTDIR)$(SHARE)/fish/vendor_completions.d/sbx.fish

# For Ubuntu, and wherever AppArmor forbids user namespaces to programs without a profile.
install-apparmor:
	install -d $(DESTDIR)/etc/apparmor.d
	sed 's|/usr/local/|$(PREFIX)/|' etc/apparmor.d/sbx >$(DESTDIR)/etc/apparmor.d/sbx
	test -n '$(DESTDIR)' || apparmor_parser -r /etc/apparmor.d/sbx

clean:
	rm -rf bin
