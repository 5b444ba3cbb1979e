package shellvars

import (
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// scripts that a shell must agree on; bash alone where posix is false.
var differential = []struct {
	name  string
	posix bool
	text  string
}{
	{"assignment", true, "A=1\nexport A\nB=2\n"},
	{"export with value", true, "export A='x y' B=\"$HOME/z\"\n"},
	{"stays exported", true, "FROM_ENV=changed\nNEW=not\n"},
	{"empty", true, ""},
	{"no newline at the end", true, "export A=1"},
	{"declare -x", false, "declare -x A=1\ndeclare B=2\ntypeset -x C=3\n"},
	{"defaults", true, "export A=${FROM_ENV:-no} B=${NOPE:-yes} C=${NOPE-} D=${EMPTY:-e} E=${EMPTY-f}\n"},
	{"assigning default", true, ": ${EMPTY:=filled} ${NEW:=n}\nexport NEW\n"},
	{"export before default", true, "export LATE\n: ${LATE:=v}\n"},
	{"trimming", true, "V=a/b/c.tar.gz\nexport A=${V##*/} B=${V%%.*} C=${V#*/} D=${V%/*} E=${#V}\n"},
	{"replacing", false, "V=a-b-c\nexport A=${V//-/_} B=${V/-/} C=${V:2:3} D=${V^^} E=${V: -1}\n"},
	{"if", true, "if [ \"$FROM_ENV\" = value ]; then export A=then; else export A=else; fi\n"},
	{"case", true, "case $FROM_ENV in v*) export A=v;; *) export A=other;; esac\n"},
	{"for", true, "for i in 1 2 3; do A=$A$i; done\nexport A i\n"},
	{"for over an exported name", true, "for FROM_ENV in 1 2; do :; done\n"},
	{"while", true, "i=0\nwhile [ $i -lt 5 ]; do i=$((i+1)); done\nexport i\n"},
	{"until break", true, "i=0\nuntil false; do i=$((i+1)); [ $i = 3 ] && break; done\nexport i\n"},
	{"function", true, "f() { A=\"$1-$2\"; return 3; }\nf x 'y z'\nexport A B=$?\n"},
	{"local", false, "f() { local A=in; B=$A; }\nA=out\nf\nexport A B\n"},
	{"arithmetic", true, "export A=$((2*(3+4))) B=$((7/2)) C=$((0x10))\nA=$((A+1))\n"},
	{"arithmetic command", false, "export N=1\n((N++))\n((N+=5))\nlet M=N*2\nexport M\n"},
	{"set -a", true, "set -a\nA=1\nB=2\nset +a\nC=3\n"},
	{"set -e with a test", true, "set -e\nfalse || A=1\nif false; then :; fi\nexport A\n"},
	{"set -Eeuo pipefail", false, "set -Eeuo pipefail\nexport A=${NOPE:-1}\n"},
	{"read", true, "read A B <<EOF\none two three\nEOF\nexport A B\n"},
	{"read into an exported name", true, "read FROM_ENV <<EOF\nnew\nEOF\n"},
	{"heredoc", true, "read -r A <<'EOF'\n$HOME \\n\nEOF\nread -r B <<EOF\n$FROM_ENV\nEOF\nexport A B\n"},
	{"herestring", false, "read -r A <<< \"$FROM_ENV x\"\nexport A\n"},
	{"file in a substitution", false, "export A=$(< settings/data.txt)\n"},
	{"redirected loop", true, "while read -r l; do A=\"$A[$l]\"; done < settings/data.txt\nexport A\n"},
	{"mapfile", false, "mapfile -t L < settings/data.txt\nexport A=${L[1]} N=${#L[@]}\n"},
	{"printf -v", false, "printf -v A '%s-%03d' \"it's\" 7\nexport A\nprintf -v FROM_ENV '%s,' a b\n"},
	{"printf", true, "export A=$(printf '%s:%5d:%x\\n' a 12 255)\n"},
	{"echo flags", false, "export A=$(echo -ne 'a\\tb')X\n"},
	{"source", true, ". ./settings/other.sh\nexport A=$OTHER\n"},
	{"source and return", true, ". ./settings/returns.sh\nexport A=$?\n"},
	{"return", true, "export A=1\nreturn 4\nexport A=2\n"},
	{"array", false, "L=(a 'b c' d)\nL+=(e)\nexport A=\"${L[1]}\" N=${#L[@]} L\n"},
	{"associative array", false, "declare -A M=([x]=1 [y]=2)\nexport A=${M[y]}\n"},
	{"array over an exported name", false, "FROM_ENV=(a b)\n"},
	{"unset", true, "unset FROM_ENV\nexport A=${FROM_ENV:-gone}\n"},
	{"unset and set again", true, "unset FROM_ENV\nFROM_ENV=again\n"},
	{"export without a value", true, "export A\nexport B=\n"},
	{"subshell", true, "(A=1; export A; FROM_ENV=x; exit 3)\nexport B=$?\n"},
	{"substitution with exit", true, "A=$(echo one; exit 7)\nexport B=$? A\n"},
	{"eval", true, "n=A\neval \"$n='x y'\"\nexport A\n"},
	{"export of a computed name", true, "n=A\nexport \"$n=v\"\n"},
	{"indirection", false, "n=FROM_ENV\nexport A=${!n}\n"},
	{"quotes", false, "export A=$'tab\\there' B='a'\\''b' C=\"a\\\"b\\$c\" D=a\\ b\n"},
	{"multi-line value", true, "export A='line 1\nline 2\n\nline 4'\n"},
	{"glob", true, "for f in settings/*.txt; do A=\"$A $f\"; done\nexport A\n"},
	{"last status", true, "export A=1\n[ -n \"$NOPE\" ] && export B=1\n"},
	{"prefix assignment", true, "A=1 true\nexport B=${A:-none}\n"},
	{"PATH", true, "PATH=/opt/x/bin:$PATH\n"},
	{"IFS", true, "V=a:b:c\nIFS=:\nset -- $V\nexport A=$2 N=$#\n"},
	{"regular expression", false, "[[ $FROM_ENV =~ ^(v)(.*)$ ]] && export A=${BASH_REMATCH[2]}\n"},
	{"getopts", true, "set -- -a -b val\nwhile getopts ab: o; do case $o in b) export B=$OPTARG;; esac; done\n"},
	{"tests of files", true, "[ -f settings/data.txt ] && export A=1\n[ -e settings/none ] || export B=1\n[ -d settings ] && export C=1\n"},
	{"shift", true, "f() { shift; export A=$1; }\nf 1 2\n"},
	{"stderr", true, "echo hello >&2\nexport A=1 2>/dev/null\necho x > /dev/null 2>&1\n"},
	{"command", true, "command eval 'export B=2'\ncommand . ./settings/other.sh\n"},
	{"backslashes", true, "export A='it'\\''s' B=a\\ b C=\\~/x\nD=a\\$b\\\\c\nE=x\\\ny\nexport D E\n"},
	{"backslashes in defaults", true, "export A=${NOPE:-a\\ b} B=\"${NOPE:-a\\ b}\" C=\"$(X=a\\ b; echo \"$X\")\"\n"},
	{"backslashes in patterns", false, "case a.b in a\\.b) export A=1;; esac\ncase a\\ b in 'a b') export B=1;; esac\n[[ a\\ b == \"a b\" ]] && export C=1\n[[ axb =~ a\\.b ]] || export D=1\nx='a*b'; export E=\"${x%\\*b}\" F=${x/\\*/-}\n"},
	{"nested quotes", true, "export A=\"$(echo \"x $(echo 'y  z')\")\" B=\"${NOPE:-\"q r\"}\" D=${NOPE-'q  r'}\n"},
	{"backquotes", true, "export A=`echo one` B=\"`echo 'two  three'`\"\n"},
	{"splitting", true, "V='a  b'\nexport A=$V B=\"$V\" C=\"$(echo $V)\"\n"},
	{"tilde", true, "A=~/x\nexport A B=~/y C=\"~/z\"\n"},
	{"heredoc escapes", true, "A=$(while read -r l; do echo \"$l\"; done <<EOF\n\\$HOME $FROM_ENV \\\\ \\x \\`\nEOF\n)\nexport A\n"},
	{"set and unset", true, "export A=${FROM_ENV+yes} B=${NOPE+yes} C=${EMPTY:+yes} D=${#NOPE}\n"},
	{"arguments", true, "set -- 'a b' c\nexport A=\"$*\" B=$# C=\"$1\"\nf() { for x; do D=\"$D[$x]\"; done; }\nf \"$@\"\nexport D\n"},
	{"readonly", true, "readonly A=1\nexport A\n"},
	{"append", false, "A=x\nA+=y\nexport A\nexport A+=z\nFROM_ENV+=:more\n"},
	{"more trimming", false, "B=main-1.2-rc\nexport A=${B%%-*} C=${B##*-} E=${B:0:-1} F=${B,,} G=${B^} I=${B#main} J=${B//[0-9]/N}\n"},
	{"double brackets", false, "[[ $FROM_ENV == v* ]] && export A=1\n[[ -z $NOPE && -n $FROM_ENV ]] && export B=1\n[[ -f x || a < b ]] && export C=1\n[[ $FROM_ENV == 'v*' ]] || export D=1\n[[ 10 -gt 9 ]] && export E=1\n"},
	{"test", true, "[ \"$FROM_ENV\" != x ] && [ -n \"$FROM_ENV\" ] && export A=1\ntest -z \"$NOPE\" && export B=1\n[ 3 -le 4 ] && export C=1\n[ ! -e nope ] && export D=1\n[ x = x -a y = y ] && export E=1\n"},
	{"case patterns", false, "for x in foo.sh bar 12 ''; do case $x in *.sh|*.py) A=$A-s;; [0-9]*) A=$A-n;; '') A=$A-e;& zz) A=$A-z;; *) A=$A-o;; esac; done\nexport A\n"},
	{"indented heredoc", true, "read -r A <<-EOF\n\t\tone $FROM_ENV\n\tEOF\nexport A\n"},
	{"unicode", true, "export A='héé ü' B=\"é${EMPTY}ß\"\n"},
	{"joined words", true, "B=b\nexport A=\"a$B\"'c$B'd$B\"${B}x\"\\$B\n"},
	{"many in one line", true, "A=1 B=$A C=\"$B$A\"\nexport A B C\n"},
	{"arithmetic operators", true, "a=5\nexport A=$((1<<4)) B=$((a>3?a:0)) C=$((010)) D=$((-7/2)) E=$((-7%3)) F=$((a&&0||1)) G=$((~a)) H=$((a==5)) I=$(( (a+1)*2 ))\n"},
	{"arithmetic in bash", false, "export A=$((2**10)) B=$((16#ff))\na=1; ((a<<=3)); export C=$a\nE=$((E=4, E+1))\nexport E\n"},
	{"assignment in arithmetic", true, "export X=1\n: $((X=X+4))\n: $((FROM_ENV=3))\n"},
	{"names by prefix", false, "FOO_A=1 FOO_B=2\nexport A=\"${!FOO_*}\"\n"},
	{"function with keyword", false, "function set_it { export A=$1; }\nset_it x\n"},
	{"recursion", true, "f() { if [ $1 -gt 0 ]; then A=$A.; f $(($1-1)); fi; }\nf 5\nexport A\n"},
	{"negation and groups", true, "if ! { [ a = b ] || false; }; then export A=1; fi\n{ B=1; C=2; }\nexport B C\n"},
	{"loop control", true, "for i in 1 2 3 4; do [ $i = 2 ] && continue; [ $i = 4 ] && break; A=$A$i; done\nexport A\nfor i in 1 2; do for j in a b; do [ $j = b ] && continue 2; B=$B$i$j; done; done\nexport B\n"},
	{"variables that look like options", true, "V='-n x'\nexport A=\"$V\" B=$(printf '%s' \"$V\")\n"},
	{"trailing newlines", true, "export A=\"$(printf 'x\\n\\n')\" B=\"$(echo; echo y)\"\n"},
	{"globs in values", true, "V='*'\nexport A=$V B=\"$V\" C=*\n"},
	{"comments", true, "# a 'comment\nexport A=1 # another \"one\nexport B=x#y\n"},
	{"continued lines", true, "export A=one\\\ntwo \\\n  B='three\\\nfour'\n"},
	{"brace expansion", false, "for i in {1..3} x{a,b}; do A=\"$A $i\"; done\nexport A\n"},
	{"nested defaults", true, "export A=${X:-${Y:-${FROM_ENV:-z}}} B=\"${X:-\"${Y:-a b}\"}\" C=${X:-$(echo d)}\n"},
	{"slicing arrays", false, "L=(a b c d)\nexport A=\"${L[*]:1:2}\" B=\"${L[@]#?}\" C=\"${!L[*]}\" D=${L[-1]}\nunset 'L[1]'\nexport E=\"${L[*]}\"\n"},
	{"read -a and IFS", false, "IFS=, read -r -a L <<< 'x,y z,w'\nexport A=\"${L[1]}\" N=${#L[@]}\nIFS== read -r K V <<< 'key=val=ue'\nexport K V\n"},
	{"errors that are ignored", true, "cd /nonexistent-dir 2>/dev/null || export A=1\nunset NOPE\n[ x -eq 1 ] 2>/dev/null || export B=1\n"},
	{"url", true, "export CODE_GIT_URL=https://user@example.org/x.git?a=b CODE_GIT_BRANCH=v.24.06.18\nexport J='{\"a\": [1, 2], \"b\": \"it\\n\"}'\n"},
	{"double-quoted escapes", true, "export A=\"a\\\\b\\\"c\\$d\\`e\\f\" B=\"x\\\ny\"\n"},
	{"status of functions", true, "f() { return $1; }\nf 3 || export A=$?\nf 0 && export B=$?\n"},
	{"until and redirect", true, "n=3\nuntil [ $n -eq 0 ]; do n=$((n-1)); done 2>/dev/null\nexport n\n"},
	{"export -p is quiet", true, "export -p > /dev/null\nexport A=1\n"},
	{"operands that look like operators", true, "x=-f; [ \"$x\" = y ] || A=1; x='('; [ \"$x\" = '(' ] && B=1; [ ! = ! ] && C=1; [ -n = -n ] && D=1; [ ! \"$x\" = y ] && E=1\nexport A B C D E\n"},
	{"test of one and two", true, "[ '' ] || A=1; [ -n ] && B=1; [ ! '' ] && C=1; [ ! -z x ] && D=1; [ -z '' ] && E=1; test || F=1\nexport A B C D E F\n"},
	{"numeric test of text", true, "[ \"$NOPE\" -eq 0 ] 2>/dev/null && A=yes\n[ 1 -lt 2 ] && B=1\nexport A B\n"},
	{"order of text", true, "[ b \\> a ] && A=1; [ a \\> b ] || B=1; [ a \\> a ] || C=1; [ a \\< b ] && D=1; [ b \\< a ] || E=1; [ a \\< a ] || F=1\nexport A B C D E F\n"},
	{"local without a value", false, "x=out; f() { local x y; x=$x.; A=$x; }\nf\nexport A x\n"},
	{"command -v", true, "if command -v surely-not-there > /dev/null; then export A=1; else export A=0; fi\n"},
}

// TestAgainstShells runs each script through real shells and through Source.
func TestAgainstShells(t *testing.T) {
	env := []string{"HOME=/home/x", "PATH=/usr/bin:/bin", "FROM_ENV=value", "EMPTY="}
	for _, shell := range []string{"bash", "dash"} {
		bin, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("no %s: not compared with it", shell)
			continue
		}
		envBin, err := exec.LookPath("env")
		if err != nil {
			t.Skip("no env to print the environment with")
		}
		for _, tt := range differential {
			if shell == "dash" && !tt.posix {
				continue
			}
			t.Run(shell+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				o := build(t, map[string]string{
					"variables.sh": tt.text, "data.txt": "first\nsecond line\n",
					"b.txt": "", "other.sh": "OTHER=other\nexport FROM_OTHER=1\n", "returns.sh": "return 9\n",
				})
				o.Env = env
				cmd := exec.Command(bin, "-c", ". ./settings/variables.sh; "+envBin+" -0")
				cmd.Dir, cmd.Env = filepath.Dir(o.Root), env
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%s: %v", shell, err)
				}
				want := map[string]string{}
				for _, pair := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
					name, value, _ := strings.Cut(pair, "=")
					want[name] = value
				}
				got := map[string]string{}
				for _, pair := range env {
					name, value, _ := strings.Cut(pair, "=")
					got[name] = value
				}
				res, err := run(t, o)
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range res.Unset {
					delete(got, name)
				}
				for _, v := range res.Set {
					if v.Exported {
						got[v.Name] = v.Value
					}
				}
				for _, name := range ownedByShell {
					delete(want, name)
				}
				if !maps.Equal(got, want) {
					t.Errorf("exported:\n got %q\nwant %q", pairs(got), pairs(want))
				}
			})
		}
	}
}

func pairs(m map[string]string) []string {
	var list []string
	for k, v := range m {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return list
}
