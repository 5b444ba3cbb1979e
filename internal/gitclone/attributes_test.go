package gitclone

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAttributesLikeGit asks git check-attr about the same files.
func TestAttributesLikeGit(t *testing.T) {
	t.Parallel()
	attributes := map[string]string{
		".gitattributes": strings.Join([]string{
			"\ufeff# a comment", "* a=star", "*.txt text -b !c d=1", "[attr]mine x=1 y -z", "[attr]outer mine w", "*.m mine", "*.o outer -y",
			"[attr]binary -diff -text over", "*.bin binary text", "/top slash", "sub/x mid", "sub/*/x one", "sub/**/x any", "**/deep deep",
			"abc** quirk", "abc**/x quirk2", "sub/** all", "sub/ folder", "sub/b/ folder", "!neg no", `\!neg yes`, `"quo ted" q`, `"tab\there" q`, `"\303\274" q`,
			`"unfinished q`, "[a-c]1 cls", "[!a-c]1 ncls", "[^a-c]1 nncls", "[[:digit:]]2 dig", "[]]3 brk", "[a-]4 dash", `[\]]5 esc`, "[[:nope:]]6 bad", "[:]7 colon",
			"?8 one", "a?b/x sl", "*.bad ok -x/y", "*.bad2 ok -", "*.late v=1", "*.late v=2", "*.late !w", "\t  *.indent i\t", "*.cr c\r",
			"novalue", "e= empty", "*.eq e=", "*.eq2 e=a=b", "star*mid*end sme", "a/*/c* p", "**a** dbl", "x/**/ t", "*/z onelevel", "**/ never",
			"long " + strings.Repeat("x", 2100), `back\\slash bs`, `trail\`, "sub/*.late v=3", "[abc open", "**/b/** inb", "/**/rooted rr", "foo/**/**/bar ff",
		}, "\n"),
		"sub/.gitattributes":   "*.txt !text b\n[attr]inner q\n*.i inner\nx near\n/x anchored\nb/x rel\n*.bin -binary\n../top no\n",
		"sub/b/.gitattributes": "* a=inner\n*.txt -d\n*.o mine\n",
	}
	files := []string{
		"a.txt", "a.m", "a.o", "a.bin", "top", "sub/top", "x", "sub/x", "sub/b/x", "sub/b/c/x", "deep", "sub/deep", "sub/b/deep", "abc", "abcd", "abc/x", "abcd/x",
		"abc/d/x", "sub/b", "neg", "!neg", "quo ted", "tab\there", "ü", "a1", "d1", "/1"[1:], "52", "]3", "a4", "-4", "]5", "[[:nope:]]6", "n6", ":7", "[:]7", "a8", "ab/x",
		"a/b/x", "q.bad", "q.bad2", "q.late", "sub/q.late", "q.indent", "q.cr", "novalue", "e", "q.eq", "q.eq2", "starmidend", "star1mid2end3", "star/mid/end", "a/b/c", "a/b/c/d", "a/c",
		"za", "q/aa/q", "x/y", "x/y/z", "y/z", "long", `back\slash`, `trail\`, `trail`, "sub/a.txt", "sub/b/a.txt", "sub/a.i", "a.i", "sub/a.bin", "sub/b/a.o", "sub/b/x.late", "[abc", "a", "b/q", "q/b/r",
		"rooted", "p/rooted", "foo/bar", "foo/a/bar", "foo/a/b/bar", "unfinished", "sub/b/sub/x",
	}
	dir := t.TempDir()
	git(t, dir, "init", "-q")
	scopes := map[string]*scope{"": newScope()}
	for _, name := range []string{".gitattributes", "sub/.gitattributes", "sub/b/.gitattributes"} {
		writeFile(t, filepath.Join(dir, name), attributes[name])
		at := strings.TrimSuffix(name, ".gitattributes")
		outer := scopes[parentScope(at)]
		inner, err := outer.enter(at, attributes[name])
		if err != nil {
			t.Fatal(err)
		}
		scopes[at] = inner
	}
	// -z answers path NUL attribute NUL value NUL.
	answers := strings.Split(gitIn(t, dir, strings.Join(files, "\x00")+"\x00", "check-attr", "-a", "-z", "--stdin"), "\x00")
	want := map[string][]string{}
	for i := 0; i+2 < len(answers); i += 3 {
		path := strings.TrimLeft(answers[i], "\n")
		want[path] = append(want[path], answers[i+1]+"="+answers[i+2])
	}
	for _, file := range files {
		in := scopes[""]
		for _, at := range []string{"sub/", "sub/b/"} {
			if strings.HasPrefix(file, at) {
				in = scopes[at]
			}
		}
		var got []string
		for name, value := range attributesOf(t, in, file) {
			if value != unspecified {
				got = append(got, name+"="+strings.TrimPrefix(value, "\x00"))
			}
		}
		slices.Sort(got)
		slices.Sort(want[file])
		if !slices.Equal(got, want[file]) {
			t.Errorf("%q:\n got %q\nwant %q", file, got, want[file])
		}
	}
	if len(want) < len(files)/2 {
		t.Errorf("git gave attributes to %d files only: the test asks too little", len(want))
	}
}

func parentScope(at string) string {
	if at == "sub/b/" {
		return "sub/"
	}
	return ""
}

// TestConversionLikeGit is about what does not survive a round trip, so that git
// status has something to say about it even in git's own clone.
func TestConversionLikeGit(t *testing.T) {
	t.Parallel()
	source := newRepo(t, map[string]string{"first": ""})
	contents := map[string]string{
		"mixed": "one\r\ntwo\nthree\r\n\n\r", "crcrlf": "a\r\r\nb\n", "lf": "a\nb", "crlf": "a\r\nb\r\n", "nul": "a\x00\nb\n", "cr": "a\rb\n", "none": "a", "empty": "",
		"ids": "$Id$ $Id: x $ $Id:y$ $Id: a b $ $Id: $ $Id:$ $Id:  $ $Idx$ $Id\n$ $Id: no\n$ $$Id$$ $Id", "ids2": "$Id: a b $Id$ $I$Id$ $Id\x00$Id$ $Id:\ta b$ $Id: a\tb$ $Id:a b$ $Id:a\t$ $$$Id$ $Idd$Id$ $Id:\n$Id$", "edge": strings.Repeat("x", 127) + "\x01\n", "edge2": strings.Repeat("x", 128) + "\x01\n",
		"eof": "a\n\x1a", "eof2": "\x1a", "del": "\x7f\n", "esc": "\x1b\b\f\t\v\n", "high": "\xff\xfe\n", "vt": strings.Repeat("\v", 2) + strings.Repeat("y", 300) + "\n",
	}
	kinds := map[string]string{
		"t": "text", "tc": "text eol=crlf", "tl": "text eol=lf", "b": "-text eol=crlf", "a": "text=auto", "ac": "text=auto eol=crlf", "al": "text=auto eol=lf",
		"e": "eol=crlf", "el": "eol=lf", "c": "crlf", "cc": "crlf eol=crlf", "ci": "crlf=input eol=crlf", "nc": "-crlf eol=crlf", "ca": "crlf=auto eol=crlf", "ti": "text=input eol=crlf",
		"to": "text=other eol=crlf", "ton": "text=other -crlf eol=crlf", "i": "ident", "ic": "ident eol=crlf", "iv": "ident=x", "ni": "-ident", "bi": "binary eol=crlf", "u": "!text eol=crlf",
		"ev": "eol", "eo": "eol=CRLF", "ia": "ident text=auto eol=crlf",
	}
	files := map[string]string{}
	var rules strings.Builder
	for kind, gives := range kinds {
		rules.WriteString("*." + kind + " " + gives + "\n")
		for name, content := range contents {
			files[name+"."+kind] = content
		}
	}
	files[".gitattributes"] = rules.String()
	stage(t, source, files)
	git(t, source, "commit", "-q", "-m", "files")
	want, got := target(t), target(t)
	git(t, "/", "clone", "-q", "file://"+source, want)
	if _, err := Clone(t.Context(), Request{URL: source, Ref: "main", Dir: got}); err != nil {
		t.Fatal(err)
	}
	diff(t, snapshot(t, got), snapshot(t, want))
}

func TestWarningNamesFiveFiles(t *testing.T) {
	t.Parallel()
	files := map[string]string{".gitattributes": "*.u working-tree-encoding=UTF-16LE\n*.v working-tree-encoding=UTF-8\n"}
	for _, n := range "1234567" {
		files[string(n)+".u"], files[string(n)+".v"] = "text\n", "text\n"
	}
	source := newRepo(t, map[string]string{})
	stage(t, source, files)
	git(t, source, "commit", "-q", "-m", "files")
	res, err := Clone(t.Context(), Request{URL: source, Ref: "main", Dir: target(t)})
	if err != nil {
		t.Fatal(err)
	}
	want := `7 file(s) with working-tree-encoding, which is not applied: they are in UTF-8: ["1.u" "2.u" "3.u" "4.u" "5.u"] and 2 more`
	if !slices.Equal(res.Warnings, []string{want}) {
		t.Errorf("got %q\nwant %q", res.Warnings, want)
	}
}

func attributesOf(t *testing.T, in *scope, file string) map[string]string {
	t.Helper()
	attrs, err := in.attributes(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return attrs
}
