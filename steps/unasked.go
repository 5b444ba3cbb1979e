package steps

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"spa-runner/internal/globs"
	"spa-runner/internal/manifest"
)

// readUnasked are patterns of the names that tools look for by themselves, in the
// folder where they work or in one on the way to it. The list is for a warning, and
// cannot be complete: what `make deploy` executes decides what it reads.
var readUnasked = []string{
	// make, see also makefiles
	"*.mk", "*.mak",
	// Node.js and its package managers
	".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", ".pnpmrc", "package.json", "package-lock.json", "npm-shrinkwrap.json",
	".nvmrc", ".node-version", ".swcrc", ".babelrc*", "babel.config.*", "tsconfig*.json",
	// the CDK and other tools that deploy
	"cdk.json", "cdk.context.json", ".cdk.json", "samconfig.*", "serverless.*", "Pulumi*.yaml",
	"*.auto.tfvars*", "terraform.tfvars*", "override.tf*", "*_override.tf*", ".terraformrc",
	// Python
	"sitecustomize.py", "usercustomize.py", "*.pth", "pyvenv.cfg", ".python-version", "setup.py", "setup.cfg", "pyproject.toml",
	"conftest.py", "pytest.ini", "tox.ini", "pip.conf",
	// containers
	"Dockerfile*", ".dockerignore", "docker-compose*.y*ml", "compose*.y*ml",
	// git, shells and what reads variables
	".gitattributes", ".gitmodules", ".gitconfig", ".env*", ".envrc", ".tool-versions", ".mise.toml", "mise.toml",
	".netrc", ".curlrc", ".wgetrc",
	// other languages
	".cargo", ".mvn", ".bundle", "Gemfile*", "Rakefile", ".bazelrc", "gradle.properties", "build.gradle*", "settings.gradle*",
	"Directory.Build.*", "NuGet.Config", "nuget.config", "go.work*", "vendor",
}

// isReadUnasked says whether a tool reads a new file or folder although neither the
// code nor the settings name it.
func (a *added) isReadUnasked(name string, entry fs.DirEntry, includes globs.List) bool {
	for _, name := range append([]string{name}, remakes(name)...) { // make makes what it includes, too
		if _, ok := includes.Match(name); ok {
			return true
		}
	}
	base := entry.Name()
	if isMakefile(base) && !entry.IsDir() {
		return true
	}
	if slices.ContainsFunc(readUnasked, func(pattern string) bool { return globs.Wildmatch(pattern, base, true) }) {
		return true
	}
	return a.isModule(name, entry)
}

// isModule says whether a new file or folder may be taken in place of what a
// program of the code imports.
func (a *added) isModule(name string, entry fs.DirEntry) bool {
	dir, extension := path.Dir(name), path.Ext(name)
	isThere := func(name string) bool { _, ok := a.known[name]; return ok }
	switch {
	case entry.IsDir(): // a package of Python, beside a program of it
		_, err := a.root.Stat(path.Join(name, "__init__.py"))
		return err == nil && a.hasPython(dir)
	case extension == ".py" || extension == ".so" || extension == ".pyc":
		return a.hasPython(dir)
	case slices.Contains([]string{".js", ".cjs", ".mjs", ".json", ".node"}, extension):
		stem := strings.TrimSuffix(name, extension)
		return slices.ContainsFunc([]string{".ts", ".cts", ".mts", ".tsx", ".jsx", ".js", ".mjs", ".cjs"}, func(other string) bool {
			return isThere(stem + other)
		})
	}
	return false
}

// hasPython says whether there is a known program of Python in a folder.
func (a *added) hasPython(folder string) bool {
	if a.python == nil {
		a.python = map[string]bool{}
		for name := range a.known {
			if path.Ext(name) == ".py" {
				a.python[path.Dir(name)] = true
			}
		}
	}
	return a.python[folder]
}

// maxUnasked is how many files the warning names.
const maxUnasked = 20

// unaskedNames are those for the warning.
func (a *added) unaskedNames() []string {
	list := slices.Sorted(slices.Values(a.unasked))
	list = list[:min(len(list), maxUnasked)]
	if more := len(a.unasked) - maxUnasked; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return list
}

// maxMakefile is the size of the longest makefile whose includes are read, in bytes.
const maxMakefile = 1 << 20

// includes are the names and patterns that the known makefiles include, as far as
// they have no variables in them.
func (a *added) includes(ctx context.Context, files []manifest.Entry) (list globs.List, err error) {
	for _, e := range files {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if e.Type != 0 || e.Size > maxMakefile || !isPartOfMakefile(e.Path) {
			continue
		}
		text, err := a.root.ReadFile(e.Path)
		if err != nil {
			return nil, fmt.Errorf("reading which files %s includes: %w", e.Path, err)
		}
		if searches(text) {
			a.search()
		}
		for line := range strings.Lines(string(text)) {
			list = append(list, included(path.Dir(e.Path), line)...)
		}
	}
	return list, nil
}

// isPartOfMakefile goes by the name of a file.
func isPartOfMakefile(name string) bool { return isMakefile(name) || path.Ext(name) == ".mk" }

// searches says whether a makefile has make search for files in other folders, too.
// https://www.gnu.org/software/make/manual/html_node/Directory-Search.html
func searches(makefile []byte) bool {
	return strings.Contains(strings.ToUpper(string(makefile)), "VPATH")
}

// included are the names and patterns of one line of a makefile in a folder: make
// may read them as seen from there or from the top.
func included(folder, line string) (list globs.List) {
	line, _, _ = strings.Cut(line, "#")
	words := strings.Fields(line)
	if len(words) == 0 || !slices.Contains([]string{"include", "-include", "sinclude"}, words[0]) {
		return nil
	}
	for _, word := range words[1:] {
		for _, name := range []string{word, path.Join(folder, word)} {
			if patterns, err := globs.Parse(name); err == nil && !strings.Contains(name, "$") {
				list = append(list, patterns...)
			}
		}
	}
	return list
}
