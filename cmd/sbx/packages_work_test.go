package main

// What package managers do: they run programs of packages that nobody has read,
// which is what a sandbox is for. All of it is offline.
var packageJobs = []job{
	{
		name: "npm ci with install scripts", profile: "node",
		needs: []string{"npm", "node"},
		files: map[string]string{
			"package.json":       `{"name": "app", "version": "1.0.0", "private": true, "scripts": {"test": "greet"}, "dependencies": {"greet": "file:greet-1.0.0.tgz"}}`,
			"greet/package.json": `{"name": "greet", "version": "1.0.0", "bin": "cli.js", "scripts": {"install": "node build.js", "postinstall": "echo after >>log"}}`,
			"greet/build.js": `const log = require("child_process").execFileSync("echo", ["built"])
require("fs").writeFileSync("log", log)
`,
			"greet/index.js": `exports.words = require("fs").readFileSync(__dirname + "/log", "utf8").trim().split("\n")` + "\n",
			"greet/cli.js":   "#!/usr/bin/env node\n" + `require("./index.js").words.forEach(w => console.log(w))` + "\n",
		},
		prepare: "npm pack ./greet && rm -r greet && npm install --offline --package-lock-only",
		line:    `npm ci --offline >log 2>&1 || { cat log; exit 1; }; npm test --silent && node -p 'require("greet").words.join()'`,
		want:    "built,after",
	},
	{
		name: "pip: build and install a wheel", profile: "python",
		needs: []string{"python3"}, check: "python3 -c 'import setuptools, wheel, pip, ensurepip'",
		files: map[string]string{
			"pyproject.toml": `[build-system]
requires = ["setuptools", "wheel"]
build-backend = "setuptools.build_meta"

[project]
name = "greet"
version = "1.0"
scripts = {greet = "greet:main"}
`,
			"setup.py": `import pathlib, setuptools, subprocess
word = subprocess.run(["echo", "built"], capture_output=True, text=True, check=True).stdout.strip()
pathlib.Path("greet/word.py").write_text(f"word = {word!r}\n")
setuptools.setup(packages=["greet"])
`,
			"greet/__init__.py": "from .word import word\n\ndef main():\n    print(word)\n",
		},
		line: `python3 -m pip wheel -q --no-build-isolation --no-index -w dist . && rm -r greet build &&
python3 -m pip install -q --no-index --target lib dist/greet-1.0-py3-none-any.whl && PYTHONPATH=lib python3 -c 'import greet; greet.main()' &&
python3 -m venv v && v/bin/pip install -q --no-index dist/greet-1.0-py3-none-any.whl && v/bin/greet`,
		want: "built",
	},
	{
		name: "cargo: a workspace with a build script", profile: "rust",
		needs: []string{"cargo", "cc"}, check: "cargo --version",
		files: map[string]string{
			"Cargo.toml":      "[workspace]\nmembers = [\"app\", \"word\"]\nresolver = \"2\"\n",
			"app/Cargo.toml":  "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nword = { path = \"../word\" }\n",
			"app/src/main.rs": "fn main() { println!(\"{}\", word::WORD); }\n",
			"word/Cargo.toml": "[package]\nname = \"word\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
			"word/build.rs": `use std::{env, fs, path::Path, process::Command};
fn main() {
    let echo = Command::new("echo").arg("built").output().unwrap();
    let word = String::from_utf8(echo.stdout).unwrap();
    let out = env::var("OUT_DIR").unwrap();
    fs::write(Path::new(&out).join("word.rs"), format!("pub const WORD: &str = {:?};", word.trim())).unwrap();
}
`,
			"word/src/lib.rs": "include!(concat!(env!(\"OUT_DIR\"), \"/word.rs\"));\n\n#[test]\nfn built() { assert_eq!(WORD, \"built\"); }\n",
		},
		line: "cargo build -q --offline && cargo test -q --offline >log 2>&1 || { cat log; exit 1; }; target/debug/app",
		want: "built",
	},
}
