package steps

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// endsAfter is a context that ends when it has been asked n times.
type endsAfter struct {
	context.Context
	cancel context.CancelCauseFunc
	left   *int
}

var errInterrupted = errors.New("the run was interrupted")

func newEndsAfter(t *testing.T, n int) endsAfter {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	return endsAfter{ctx, cancel, &n}
}

func (e endsAfter) Err() error {
	if *e.left--; *e.left < 0 {
		e.cancel(errInterrupted)
	}
	return e.Context.Err()
}

// linksOf is the tree of code with these links, by name and target.
func linksOf(t *testing.T, links map[string]string) *codeTree {
	t.Helper()
	tree := &codeTree{links: map[string]codeLink{}, at: map[string][]string{}, over: map[string][]string{}}
	for name, target := range links {
		tree.links[name] = codeLink{target: target}
	}
	if err := tree.followAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	return tree
}

// slowNames looks at each link for each name, without an index.
func slowNames(tree *codeTree, name string, isLink bool) []string {
	through := func(link, name string) string {
		over, end := tree.follow(link)
		below, inside := strings.CutPrefix(name, end+"/")
		switch {
		case slices.Contains(over, name):
			return link
		case end == "":
			return ""
		case name == end, isLink && strings.HasPrefix(end, name+"/"):
			return link
		case end == ".":
			return path.Join(link, name)
		case inside:
			return path.Join(link, below)
		}
		return ""
	}
	ways := []way{{name: name}}
	var names []string
	for i := 0; i < len(ways) && len(ways) <= maxNames; i++ {
		names = append(names, ways[i].name)
		for link := range tree.links {
			if as := through(link, ways[i].name); as != "" && as != ways[i].name && !slices.Contains(ways[i].over, link) {
				ways = append(ways, way{as, append(slices.Clone(ways[i].over), link)})
			}
		}
	}
	if len(ways) > maxNames {
		return nil
	}
	slices.Sort(names[1:])
	return names
}

// TestNamesByIndex compares with a search that has no index, on trees at random.
func TestNamesByIndex(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	element := func() string { return string(rune('a' + random.IntN(4))) }
	rounds := 3000
	if testing.Short() {
		rounds = 100
	}
	for range rounds {
		links := map[string]string{}
		for range random.IntN(6) {
			var target []string
			for range 1 + random.IntN(3) {
				target = append(target, []string{element(), element(), element(), "..", "."}[random.IntN(5)])
			}
			name := element()
			for random.IntN(2) == 0 {
				name += "/" + element()
			}
			links[name] = strings.Join(target, "/")
		}
		tree := linksOf(t, links)
		for _, name := range []string{"a", "b/a", "a/b", "a/b/c", "c"} {
			for _, isLink := range []bool{false, true} {
				got, ok, err := tree.names(t.Context(), name, isLink)
				if want := slowNames(tree, name, isLink); err != nil || !slices.Equal(got, want) || ok != (want != nil) {
					t.Fatalf("%s, a link: %v, with the links %q:\n got %q, %v, %v\nwant %q", name, isLink, links, got, ok, err, want)
				}
			}
		}
	}
}

// TestProtectFollowsEachLinkOnce is about a code base of which each file has very
// many names. Of all pairs of links, none is looked at: that would be 10^8.
func TestProtectFollowsEachLinkOnce(t *testing.T) {
	t.Parallel()
	links := map[string]string{}
	for n := range 990 {
		links[fmt.Sprintf("l%03d", n)] = "shared"
	}
	tree := linksOf(t, links)
	asked := 0
	for n := range 100 {
		ctx := newEndsAfter(t, 1000)
		names, ok, err := tree.names(ctx, fmt.Sprintf("shared/f%d", n), false)
		if err != nil || !ok || len(names) != 991 {
			t.Fatalf("%d names, %v, %v", len(names), ok, err)
		}
		asked += 1000 - *ctx.left
	}
	if asked != 99_100 {
		t.Errorf("the context was asked %d times, want once a name", asked)
	}
}

// TestProtectIsBounded has more names in all than are compared.
func TestProtectIsBounded(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("make test runs it whole; under the race detector it would take minutes, with nothing new in it")
	}
	links := map[string]string{}
	for n := range 990 {
		links[fmt.Sprintf("l%03d", n)] = "shared"
	}
	p := protection{globs: patternsOf(t, "none"), code: *linksOf(t, links)}
	entries := make([]overlaid, 1100)
	for n := range entries {
		entries[n].name = fmt.Sprintf("shared/%d", n)
	}
	problems, err := p.problems(t.Context(), entries)
	if err != nil || len(problems) != 1 || !strings.Contains(problems[0], "have more than 1000000 names there") {
		t.Errorf("got %q, %v", problems, err)
	}
	if problems, err := p.problems(t.Context(), entries[:10]); err != nil || len(problems) > 0 {
		t.Errorf("of fewer: %q, %v", problems, err)
	}
	for _, n := range []int{500, 1500} { // while its names are made, and while they are compared
		if _, err := p.problems(newEndsAfter(t, n), entries[:1]); !errors.Is(err, errInterrupted) {
			t.Errorf("after the context was asked %d times: %v", n, err)
		}
	}
	long := linksOf(t, map[string]string{strings.Repeat("d/", 2000) + "l": strings.Repeat("../", 2000) + "x"})
	if _, ok, err := long.names(t.Context(), "x/"+strings.Repeat("e/", 1000)+"f", false); ok || err != nil {
		t.Errorf("a name that is no path any more: %v, %v", ok, err)
	}
}

// TestProtectAsksTheContext ends the context wherever it is asked: the overlay ends
// with its cause, and nothing is laid.
func TestProtectAsksTheContext(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		o := newOverlay(t, map[string]string{"shared/a": "x", "b": "x"}, map[string]string{"shared/x": "x", "Makefile": "x"})
		for i := range 3 {
			link(t, "shared", filepath.Join(o.Code, fmt.Sprintf("l%d", i)))
		}
		o.Protect, o.Require = patternsOf(t, "Makefile c/**"), patternsOf(t, "b shared/*")
		ctx := newEndsAfter(t, n)
		err := o.Run(ctx, newStage(t).rt)
		if *ctx.left >= 0 {
			if err != nil {
				t.Error(err)
			}
			if n < 20 {
				t.Errorf("the context was asked %d times: the test is not about what it says", n)
			}
			return
		}
		if !errors.Is(err, errInterrupted) {
			t.Fatalf("after the context was asked %d times: %v", n, err)
		}
	}
}

// TestCopyAsksTheContext ends in the middle of a large file.
func TestCopyAsksTheContext(t *testing.T) {
	t.Parallel()
	in, err := os.Create(filepath.Join(t.TempDir(), "large"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := in.Truncate(1 << 40); err != nil { // a hole: to copy it would take minutes
		t.Fatal(err)
	}
	out, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, _, err := newCopier().content(newEndsAfter(t, 10), int(in.Fd()), int(out.Fd()), 1<<40); !errors.Is(err, errInterrupted) {
		t.Errorf("got %v", err)
	}
}

// A folder of git's is no code. A file of that name hides nothing that is beside it.
func TestTheCodeIsReadWithoutTheFoldersOfGit(t *testing.T) {
	t.Parallel()
	code := filepath.Join(t.TempDir(), "code")
	write(t, code, map[string]string{".git/config": "", "module/.git": "gitdir: elsewhere", "module/code": "", "z": ""})
	tree, err := readCode(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{".", "module", filepath.Join("module", "code"), "z"}; !slices.Equal(tree.paths, want) {
		t.Errorf("got the paths %q, want %q", tree.paths, want)
	}
}
