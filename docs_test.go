package spa_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pages are all texts of the project, by path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Name() == ".git" || entry.Name() == "testdata" || name == "bin" || name == "dist":
			return skip(entry)
		case path.Ext(name) == ".md":
			content, err := os.ReadFile(name)
			found[name] = string(content)
			return err
		}
		return nil
	})
	if err != nil || len(found) < 4 {
		t.Fatalf("%d pages, %v", len(found), err)
	}
	return found
}

var (
	fenced  = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors of a page are as GitHub makes them of its headings.
func anchors(page string) (list []string) {
	for _, h := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		list = append(list, strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	return list
}

// Whoever reads at three in the morning follows links.
func TestLinksLeadSomewhere(t *testing.T) {
	all := pages(t)
	for name, page := range all {
		for _, found := range link.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := name
			if target != "" {
				file = path.Join(path.Dir(name), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s: %v", name, found[1], err)
			} else if anchor != "" && !slices.Contains(anchors(all[file]), anchor) {
				t.Errorf("%s links to %s, and there is no such heading", name, found[1])
			}
		}
	}
}

// People paste into zsh as well, macOS's own, which otherwise than bash takes $name:r for a name without its suffix, and
// on a terminal knows no comments: what stands behind a # is more arguments, and an apostrophe there swallows what follows.
func TestCommandsCanBePasted(t *testing.T) {
	block := regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$")
	modifier := regexp.MustCompile(`\$\w+:[a-zA-Z&]`)
	comment := regexp.MustCompile(`(?m)(^|\s)#`)
	for name, page := range pages(t) {
		for _, found := range block.FindAllStringSubmatch(page, -1) {
			if wrong := modifier.FindString(found[1]); wrong != "" {
				t.Errorf("%s: write ${…} around the name in %q", name, wrong)
			}
			if comment.MatchString(found[1]) && !strings.Contains(page, "setopt interactive_comments") {
				t.Errorf("%s has a comment among commands, and does not say how to paste that into zsh:\n%s", name, found[1])
			}
		}
	}
}
