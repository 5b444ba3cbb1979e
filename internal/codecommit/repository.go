// Package codecommit reads the many ways to name a repository of AWS CodeCommit, and signs git's requests to it.
//
// CodeCommit speaks git's smart HTTP protocol at https://git-codecommit.REGION.amazonaws.com/v1/repos/NAME and expects HTTP
// basic authentication whose password is an AWS signature, good for 15 minutes. There are two official helpers to make
// it, `aws codecommit credential-helper` and git-remote-codecommit (which brought the URLs codecommit::REGION://NAME); this
// package does the work of both, for one repository and one set of credentials, without git and without Python:
//
//	repo, warnings, err := codecommit.Parse("codecommit::eu-west-1://Settings", codecommit.Defaults{})
//	auth, err := codecommit.NewAuth(credentials, repo, time.Now, rt.Redact)
//	// clone repo.URL with auth
//
// What the official helpers do wrong silently, such as taking a host for the name of a repository, is an error here that
// says what to write.
package codecommit

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"spa-runner/internal/awsname"
	"spa-runner/internal/lazyregexp"
)

// Repository is where a repository is and what its requests are signed for. Parse makes it; it holds no secret.
type Repository struct {
	Region string // of the signature
	Name   string
	Host   string // what is signed: in lower case, without a port
	URL    string // what to clone, without user info: https://HOST/v1/repos/NAME, or the same on a test server
}

// Defaults is what a URL may leave open.
type Defaults struct {
	// Region is AWS_REGION, for URLs that name none.
	Region string
	// Endpoint is CODE_COMMIT_ENDPOINT: a host to use in the place of the region's, as git-remote-codecommit has it, or
	// the URL of a server. Plain http is accepted on loopback addresses alone, since each request carries a session token.
	Endpoint string
}

// reposPath stands before the name in every CodeCommit URL.
const reposPath = "/v1/repos/"

// From https://docs.aws.amazon.com/codecommit/latest/APIReference/API_RepositoryMetadata.html and the quotas of the user
// guide, which add that a name cannot end in .git.
var repositoryName = lazyregexp.New(`^[\w.-]{1,100}$`)

// Is says whether raw is meant to be a CodeCommit repository, well written or not; anything else is another git URL or a
// folder. It is generous where Parse is strict: what nearly is CodeCommit must end in Parse's error and not be cloned without
// a signature from some other place.
func Is(raw string, env Defaults) bool {
	s := strings.ToLower(strings.Trim(raw, " \t\r\n\"'"))
	if strings.HasPrefix(s, "codecommit:") || arnForm.MatchString(s) || consoleForm.MatchString(s) {
		return true
	}
	if isGitHost(s) {
		return true
	}
	at, err := parseEndpoint(env.Endpoint)
	if err != nil || at == nil {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && sameServer(u, at) && strings.HasPrefix(u.Path, reposPath)
}

// Parse reads
//
//	codecommit::REGION://[PROFILE@]NAME
//	codecommit://[PROFILE@]NAME                                             in the region of env
//	https://git-codecommit.REGION.amazonaws.com/v1/repos/NAME               also git-codecommit-fips, and amazonaws.com.cn in China
//	https://VPCE.git-codecommit.REGION.vpce.amazonaws.com/v1/repos/NAME     of an interface VPC endpoint
//	https://HOST/v1/repos/NAME                                              where HOST is that of env.Endpoint
//
// The warnings are sentences on what was ignored. Neither they nor the error show the user info of a URL. Every error says
// what to write instead.
func Parse(raw string, env Defaults) (Repository, []string, error) {
	repo, warnings, err := parse(raw, env)
	if err != nil {
		return Repository{}, nil, fmt.Errorf("reading the CodeCommit URL %s: %w", shown(raw), err)
	}
	return repo, warnings, nil
}

func parse(raw string, env Defaults) (Repository, []string, error) {
	endpoint, err := parseEndpoint(env.Endpoint)
	if err != nil {
		return Repository{}, nil, err
	}
	if err := mistake(raw); err != nil {
		return Repository{}, nil, err
	}
	var p place
	if rest, ok := strings.CutPrefix(raw, "codecommit:"); ok {
		p, err = parseHelper(rest, env)
	} else {
		p, err = parseHTTPS(raw, env, endpoint)
	}
	if err != nil {
		return Repository{}, nil, err
	}
	if err := p.useEndpoint(endpoint); err != nil {
		return Repository{}, nil, err
	}
	return Repository{
		Region: p.region,
		Name:   p.name,
		Host:   p.server.Hostname(),
		URL:    p.server.Scheme + "://" + p.server.Host + reposPath + p.name,
	}, p.warnings, nil
}

// place is what a URL says, before CODE_COMMIT_ENDPOINT has its word.
type place struct {
	region, name string
	server       *url.URL // scheme and host; nil: that of the region
	warnings     []string
}

// parseHelper reads a URL of git-remote-codecommit, after `codecommit:`. git hands the helper what stands behind the
// double colon, which is why the region looks like a scheme.
func parseHelper(rest string, env Defaults) (place, error) {
	region, body := env.Region, ""
	switch {
	case strings.HasPrefix(rest, "//"):
		body = rest[len("//"):]
		if region == "" {
			return place{}, errors.New("it names no region and AWS_REGION is not set; set it, or write codecommit::eu-west-1://NAME")
		}
		if err := awsname.Region(region); err != nil {
			return place{}, fmt.Errorf("it names no region, and AWS_REGION is of no use: %w", err)
		}
	case strings.HasPrefix(rest, "://"), strings.HasPrefix(rest, ":://"):
		return place{}, errors.New("there is no region between the colons; write codecommit::eu-west-1://NAME, or codecommit://NAME for the region in AWS_REGION")
	case strings.HasPrefix(rest, ":"):
		var found bool
		region, body, found = strings.Cut(rest[len(":"):], "://")
		if !found {
			return place{}, errors.New("there is no :// before the name; " + helperForms)
		}
		if strings.ContainsAny(region, "@:/") { // not quoted: user info in the wrong place
			return place{}, errors.New("between :: and :// stands more than a region; " + helperForms)
		}
		if err := awsname.Region(region); err != nil {
			return place{}, fmt.Errorf("between :: and :// stands no region: %w", err)
		}
	default:
		return place{}, errors.New("after codecommit comes one colon, and before a region there are two; " + helperForms)
	}
	p := place{region: region}
	// No name holds an @, so that the last one ends the profile, whatever was put there.
	if i := strings.LastIndexByte(body, '@'); i >= 0 {
		body = body[i+1:]
		p.warnings = append(p.warnings, "the profile before the @ is ignored: no profile is read, the credentials are those of the role that reads the settings")
	}
	return p, p.setName(body)
}

// parseHTTPS reads the URL that the console shows as "Clone HTTPS". Errors of url.Parse are not passed on, since they
// quote their input, user info and all.
func parseHTTPS(raw string, env Defaults, endpoint *url.URL) (place, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return place{}, errors.New("it is not a well-formed URL; " + allForms)
	}
	if strings.Contains(u.Path, "@") {
		return place{}, errors.New("there is a slash before the @; leave out all between // and @, git credentials are not used")
	}
	host := strings.ToLower(u.Hostname())
	region, err := regionOfHost(host)
	own := endpoint != nil && sameServer(u, endpoint)
	switch {
	case own && err != nil:
		region = env.Region
		if err := awsname.Region(region); err != nil {
			return place{}, fmt.Errorf("its host is that of CODE_COMMIT_ENDPOINT, so that the region comes from AWS_REGION: %w", err)
		}
	case err != nil:
		return place{}, err
	case own:
	case u.Scheme != "https":
		return place{}, errors.New("it must begin with https://")
	case u.Port() != "" && u.Port() != "443":
		return place{}, fmt.Errorf("CodeCommit has no port %s; leave the port out", u.Port())
	}
	p := place{region: region, server: &url.URL{Scheme: u.Scheme, Host: withoutDefaultPort(u)}}
	if u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(raw, "?") || strings.HasSuffix(raw, "#") {
		return place{}, errors.New("it goes on after the name with ? or #; leave that out")
	}
	if u.User != nil {
		p.warnings = append(p.warnings, "the user before the @ is ignored: git credentials are not used, requests are signed with the role that reads the settings")
	}
	name, found := strings.CutPrefix(u.EscapedPath(), reposPath)
	if !found {
		return place{}, fmt.Errorf("its path is not /v1/repos/NAME, it should look like https://%s/v1/repos/NAME", host)
	}
	return p, p.setName(name)
}

// setName checks the name of the repository and keeps it.
func (p *place) setName(name string) error {
	if trimmed, ok := strings.CutSuffix(name, "/"); ok && trimmed != "" {
		name = trimmed
		p.warnings = append(p.warnings, "the slash after the name is ignored")
	}
	switch {
	case name == "":
		return errors.New("the name of the repository is missing; " + allForms)
	case strings.Contains(name, "/"):
		return errors.New("the name of the repository goes on after a slash, and CodeCommit has no folders; " + allForms)
	case strings.HasSuffix(strings.ToLower(name), ".git"):
		return errors.New("the names of CodeCommit repositories never end in .git; leave that out")
	case !repositoryName.MatchString(name), name == ".", name == "..":
		return errors.New("the name of a repository is up to 100 letters, digits and _.-, and this one is not")
	}
	p.name = name
	return nil
}

// mistake finds what is wrong with the whole, before it is taken apart.
func mistake(raw string) error {
	switch {
	case raw == "":
		return errors.New("it is empty; " + allForms)
	case strings.ContainsFunc(raw, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }):
		return errors.New("there is white space or an invisible character in it; take it out")
	case strings.ContainsAny(raw, "\"'`"):
		return errors.New("there are quotes in it; take them out")
	case strings.ContainsAny(raw, "<>{}$"):
		return errors.New("a placeholder or a variable in it was not replaced; " + allForms)
	}
	return otherNotation(raw)
}
