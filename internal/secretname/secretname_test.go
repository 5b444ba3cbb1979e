package secretname

import (
	"path/filepath"
	"strings"
	"testing"

	"spa-runner/internal/redact"
)

func TestNamesThatSaySecret(t *testing.T) {
	t.Parallel()
	for names, want := range map[string]bool{
		`AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_ACCESS_KEY_ID GITHUB_TOKEN GH_TOKEN GITHUBTOKEN NPM_TOKEN npm_config__authToken NODE_AUTH_TOKEN
		 CODECOV_TOKEN TWINE_PASSWORD PGPASSWORD PGPASS MYSQL_PWD DB_PASS SSHPASS SSH_PASSPHRASE DB_PASSWD KEYCHAIN_PASSCODE DOCKER_AUTH_CONFIG NPM_AUTH
		 npm_config__auth HTTP_AUTHORIZATION BEARER API_BEARER X_SIGNATURE SENTRY_DSN DATABASE_DSN DB_CONNECTION_STRING ConnectionString AZURE_CONN_STR
		 GITHUB_PAT PAT AZURE_DEVOPS_EXT_PAT CI_JOB_JWT OTP SESSION_COOKIE STORAGE_SAS SLACK_WEBHOOK SLACK_WEBHOOK_URL WEBHOOK_PATH DEPLOY_CREDS
		 GOOGLE_CREDENTIALS CLIENT_SECRET client-secret clientSecret VAULT_SECRET_ID PRIVATE_KEY SSH_PRIVATE_KEY GPG_KEY API_KEY OPENAI_APIKEY DD_APP_KEY
		 RAILS_MASTER_KEY ENCRYPTION_KEY SIGNING_KEYS NEW_RELIC_LICENSE_KEY AZURE_STORAGE_KEY ACCOUNT_KEY ECS_TOKEN SECRETS MY_PASSWORDS`: true,
		`PATH AUTHOR GIT_AUTHOR_NAME AUTHORS PATTERN COMPASS BYPASS PASSPORT PASSIVE PASSED PATCH PATIENT PWD OLDPWD INIT_CWD SIGNAL SIGNED DESIGN ASSIGNEE
		 XAUTHORITY SSH_AUTH_SOCK AUTH_TYPE AUTH_DOMAIN TOKEN_TTL TOKEN_FILE SECRET_ARN SECRET_NAME PASSWORD_LENGTH CREDENTIALS_PATH AUTH_ACCOUNT
		 AWS_SIGNATURE_VERSION PUBLIC_KEY CACHE_KEY PRIMARY_KEY SORT_KEY S3_KEY TAG_KEY KEY KEYBOARD MONKEY KMS_KEY_ARN CODEBUILD_WEBHOOK_HEAD_REF
		 CODEBUILD_WEBHOOK_TRIGGER SETTINGS_GIT_PIN SETTINGS_GIT_BRANCH CODE_GIT_URL AWS_REGION LANG HOME SASS_PATH SASSY DESCRIPTION CONNECTION STRING
		 COOKIECUTTER_DIR NODE_OPTIONS SESSION_NAME OTPAUTH JWTFOO SCRATCH CREDIT _ = ==`: false,
	} {
		for name := range strings.FieldsSeq(names) {
			if got := Says(name); got != want {
				t.Errorf("saysSecret(%q) = %v", name, got)
			}
		}
	}
	for _, empty := range []string{"", "__", "é"} {
		if Says(empty) {
			t.Errorf("saysSecret(%q) = true", empty)
		}
	}
}

// What secrets hide in a value, and what beside them stays readable.
func TestSecretsInValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pair          string
		hidden, shown []string
	}{
		{"U=https://bob:hunter2x@host.example/path", []string{"hunter2x"}, []string{"host.example", "/path", "bob"}},
		{"U=https://:hunter2x@host.example/path", []string{"hunter2x"}, []string{"host.example"}},
		{"U=https://gtoken12ABC@host.example/path", []string{"gtoken12ABC"}, []string{"host.example"}},
		{"U=https://gtoken12ABC:@host.example/path", []string{"gtoken12ABC"}, []string{"host.example"}},
		{"U=https://gtoken12ABC:x@host.example/path", []string{"gtoken12ABC"}, []string{"host.example"}},
		{"U=https://gtoken12ABC:x-oauth-basic@host.example/path", []string{"gtoken12ABC"}, []string{"host.example", "x-oauth-basic"}},
		{"U=https://x-access-token:gtoken12ABC@host.example/path", []string{"gtoken12ABC"}, []string{"x-access-token"}},
		{"U=https://deploy@host.example/p", nil, []string{"deploy", "host.example"}},
		{"U=https://jane.doe@host.example/p", nil, []string{"jane.doe"}},
		{"U=ssh://deploy2@host.example/p", nil, []string{"deploy2"}},
		{"U=git+ssh://Jenkins42@host.example/p", nil, []string{"Jenkins42"}},
		{"U=https://bob:p%40ss%2Fword@host.example/p", []string{"p%40ss%2Fword", "p@ss/word", "p%40ss%2fword"}, []string{"host.example"}},
		{"U=https://bob:p@ss/wo:rd@host.example/p", []string{"p@ss/wo:rd"}, []string{"host.example"}},
		{"U=https://bob:p//secret@host.example/p", []string{"p//secret"}, []string{"host.example"}},
		{`U=https://bob:p"secret'<x>@host.example/p`, []string{`p"secret'<x>`}, []string{"host.example"}},
		{"U=https://bob:bad%zzpercent@host.example/p", []string{"bad%zzpercent"}, nil},
		{"U=https://a:first-pw@h.example/ https://b:second-pw@i.example/", []string{"first-pw", "second-pw"}, []string{"h.example", "i.example"}},
		{"U=https://a:first-pw@h.example/,https://b:second-pw@i.example/", []string{"first-pw", "second-pw"}, []string{"i.example"}},
		{`U={"a":"https://a:first-pw@h.example/","b":["https://gtoken12ABC@i.example"]}`, []string{"first-pw", "gtoken12ABC"}, []string{"i.example"}},
		{"PIP=--index-url=https://aws:ctoken0123@d-1.d.codeartifact.eu-west-1.amazonaws.com/pypi/r/simple/", []string{"ctoken0123"}, []string{"codeartifact"}},
		{"U=https://registry.example:8443/@scope/pkg@1.2.3", nil, []string{"registry.example:8443/@scope/pkg", "1.2.3"}},
		{"U=https://registry.npmjs.org/@types/node@20.1.0", nil, []string{"registry.npmjs.org/@types/node@20.1.0"}},
		{"IMAGE=1.dkr.ecr.eu-west-1.amazonaws.com/name:v24.06@sha256:0123456789abcdef", nil, []string{"v24.06", "0123456789abcdef"}},
		{"SETTINGS_GIT_URL=codecommit::eu-west-1://Profile42@SpaSettings", nil, []string{"Profile42", "SpaSettings"}},
		{"SETTINGS_GIT_URL=codecommit://Profile42@SpaSettings", nil, []string{"Profile42", "SpaSettings"}},
		{"HTTPS_PROXY=bob:hunter2x@proxy.example:3128", []string{"hunter2x"}, []string{"proxy.example", "3128"}},
		{"https_proxy=http://bob:hunter2x@proxy.example:3128", []string{"hunter2x"}, []string{"proxy.example"}},
		{"NO_PROXY=.example,10.0.0.0/8", nil, []string{"10.0.0.0/8"}},
		{"MAIL=build.server1@host.example", nil, []string{"build.server1"}},
		{"U=https://h.example/?a=1&sig=Zm9vYmFy%2BsaWc%3D&other=readable1", []string{"Zm9vYmFy%2BsaWc%3D", "Zm9vYmFy+saWc="}, []string{"readable1"}},
		{"U=https://h.example/?access_token=abcdef123456", []string{"abcdef123456"}, nil},
		{`DB={"username":"readable1","password":"json-pw-1","nested":{"api_key":"json-key-2"},"tokens":["json-tok-3"]}`, []string{"json-pw-1", "json-key-2", "json-tok-3"}, []string{"readable1"}},
		{"API_TOKEN=abc=def=ghi", []string{"abc=def=ghi"}, nil},
	} {
		r := redact.New()
		r.Add(In([]string{c.pair})...)
		for _, secret := range c.hidden {
			if got := r.String("<" + secret + ">"); got != "<***>" {
				t.Errorf("%s: %q became %q", c.pair, secret, got)
			}
		}
		for _, text := range c.shown {
			if got := r.String(text); got != text {
				t.Errorf("%s: %q became %q", c.pair, text, got)
			}
		}
	}
}

// Ordinary values, in variables whose names say secret: a log in which the
// words of every day are masked helps nobody.
func TestALogStaysReadable(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	ordinary := []string{
		"", "main", "true", "false", "TRUE", "yes", "no", "on", "off", "0", "1", "none", "null", "nil", "auto", "basic", "iam", "sso", "oauth", "oidc", "saml",
		"default", "Default", "enabled", "disabled", "required", "optional", "master", "develop", "latest", "production", "PRODUCTION", "staging", "testing", "dev", "prod",
		"public", "private", "password", "secret", "changeme", "test", "dummy", "x", "xxxxxxxxxxxx", "****************", "----------", "admin", "root", "user", "guest",
		"eu-west-1", "eu-west-3", "us-gov-east-1", "ap-southeast-2", "cn-north-1", "localhost", "127.0.0.1", "github", "gitlab", "cognito", "bearer", "Bearer", "deploy", "settings",
		"x-access-token", "x-oauth-basic", home, "/dev/null", "3600", "86400", "4", "    ", "\n",
	}
	line := "make deploy of main to eu-west-1, account 333333333333: enabled=true, in production; see " + home + " and https://github.com/a/b (default, deploy)"
	for _, name := range []string{"API_TOKEN", "DB_PASSWORD", "NPM_AUTH", "CLIENT_SECRET", "BUILD_PWD", "AUTH", "PAT", "TOKENIZERS_PARALLELISM"} {
		for _, value := range ordinary {
			r := redact.New()
			r.Add(In([]string{name + "=" + value})...)
			if got := r.String(line); got != line {
				t.Errorf("with %s=%q the log reads %q", name, value, got)
			}
		}
	}
	about := []string{"AUTH_ACCOUNT=333333333333", "AUTH_TYPE=production-like", "SECRET_NAME=github.com", "TOKEN_FILE=/nonexistent", "SSH_AUTH_SOCK=" + filepath.Join(home, "agent")}
	r := redact.New()
	r.Add(In(about)...)
	for _, pair := range about {
		if got := r.String(pair); got != pair {
			t.Errorf("%q became %q", pair, got)
		}
	}
}
