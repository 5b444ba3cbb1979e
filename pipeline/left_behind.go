package pipeline

import (
	"os"
	"path/filepath"
	"slices"
)

// homeFiles are what tools read from the home folder of their user: configuration,
// registries and passwords.
var homeFiles = []string{
	".npmrc", ".yarnrc", ".yarnrc.yml", ".config/pnpm/rc",
	".netrc", ".pypirc", ".pip/pip.conf", ".config/pip/pip.conf", ".config/uv/uv.toml", ".config/pypoetry/config.toml", ".condarc",
	".gitconfig", ".config/git/config", ".git-credentials", ".config/git/credentials", ".ssh/config", ".config/gh/hosts.yml",
	".docker/config.json", ".cdk.json", ".curlrc", ".wgetrc",
	".m2/settings.xml", ".gradle/gradle.properties", ".cargo/config.toml", ".cargo/credentials.toml", ".nuget/NuGet/NuGet.Config",
	".gem/credentials", ".bundle/config", ".composer/auth.json", ".terraformrc", ".terraform.d/credentials.tfrc.json", ".config/go/env",
}

// HomeFiles are those files of tools, sorted, that are in a home folder.
func HomeFiles(home string) (names []string) {
	for _, name := range homeFiles {
		if info, err := os.Stat(filepath.Join(home, name)); home != "" && err == nil && info.Mode().IsRegular() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// fileVariables are the variables by which tools find certificates and configuration.
var fileVariables = []string{
	"AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO", "CURL_CA_BUNDLE", "DENO_CERT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
	"NETRC", "NODE_EXTRA_CA_CERTS", "NPM_CONFIG_CAFILE", "NPM_CONFIG_GLOBALCONFIG", "NPM_CONFIG_USERCONFIG", "PIP_CERT", "PIP_CONFIG_FILE",
	"REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE", "UV_SSL_CERT_FILE", "npm_config_cafile", "npm_config_globalconfig", "npm_config_userconfig",
}

// UnreadableFiles are those of these variables, sorted, that name a file or folder
// that exists and that the user cannot read.
func (u *User) UnreadableFiles(e *Environ) (names []string) {
	for _, name := range fileVariables {
		for _, file := range filepath.SplitList(e.vars[name]) {
			if info, err := os.Stat(file); err == nil && filepath.IsAbs(file) && !u.reads(file, info) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func (u *User) reads(file string, info os.FileInfo) bool {
	if info.IsDir() {
		return u.may(info, 4) && u.CanReach(file) == nil
	}
	return u.CanRead(file)
}
