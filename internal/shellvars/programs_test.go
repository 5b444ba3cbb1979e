package shellvars

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes programs of the constructs on the list. What a shell of POSIX
// does not know is left out if posix is set.
type generator struct {
	*rand.Rand
	posix bool
	used  map[string]int // constructs, by name
	depth int
}

var names = []string{"A", "B", "C", "D", "E", "F", "G_1", "_h"}

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }
func (g *generator) name() string               { return g.pick(names...) }
func (g *generator) maybe(one, in int) bool     { return g.IntN(in) < one }

func (g *generator) use(construct, text string) string {
	g.used[construct]++
	return text
}

// program is some lines.
func (g *generator) program() string {
	var b strings.Builder
	if g.maybe(1, 4) {
		b.WriteString(g.use("set", "set "+g.pick("-u", "-e", "-a", "-eu", "-o errexit", "-eo nounset", "-ae", "+u")) + "\n")
	}
	for range 1 + g.IntN(7) {
		b.WriteString(g.statement() + "\n")
		if g.maybe(1, 8) {
			b.WriteString(g.use("comment", g.pick("# it's \"so\" $A `x` $(y)", "#", "  # é\t~")) + "\n")
		}
	}
	return b.String()
}

func (g *generator) statement() string {
	g.depth++
	defer func() { g.depth-- }()
	deep := g.depth > 3
	switch n := g.IntN(26); {
	case n < 7:
		return g.use("assignment", g.assignments())
	case n < 12:
		return g.declaration()
	case n < 13 && !deep:
		return g.use("if", "if "+g.condition()+"; then "+g.statement()+g.elses()+"; fi"+g.redirect())
	case n < 14 && !deep:
		return g.caseOf()
	case n < 15 && !deep:
		return g.use("for", "for "+g.pick("i", "A", "x")+" in "+g.words()+"; do "+g.statement()+"; "+g.use("loop variable", "B=$B$i")+"; done")
	case n < 17 && !deep:
		return g.use("&& ||", g.condition()+g.pick(" && ", " || ")+g.statement())
	case n < 18 && !deep:
		return g.use("{ }", "{ "+g.statement()+"; "+g.statement()+"; }"+g.redirect())
	case n < 19:
		return g.use(":", ": "+g.argument()+g.redirect())
	case n < 20:
		return g.use("echo", "echo "+g.argument()+" "+g.argument()+g.redirect())
	case n < 21:
		return g.use("printf", "printf '%s %%\\n' "+g.argument()+g.redirect())
	case n < 22:
		return g.use("unset", "unset "+g.name()+g.pick("", " "+g.name(), " 2>/dev/null"))
	case n < 23:
		if g.posix {
			return g.use(".", ". ./settings/lib/"+g.pick("one.sh", "three.sh"))
		}
		return g.use(".", g.pick("source", ".")+" settings/lib/"+g.pick("one.sh", "two.sh", "three.sh"))
	case n < 24 && !g.posix:
		return g.use(". missing", ". settings/lib/none.sh 2>/dev/null || "+g.pick("true", ":", g.name()+"=none"))
	case n < 25:
		if g.maybe(1, 3) {
			return g.use("return", g.condition()+" && return "+g.pick("", "0", "1", "255"))
		}
		return g.use("function", "f"+g.pick("", "1")+"() { "+g.pick("cat x | y", g.statement(), "while x; do y & done")+"; }")
	}
	return g.use("!", "! "+g.condition())
}

func (g *generator) elses() string {
	if g.maybe(1, 3) {
		return g.use("elif", "; elif "+g.condition()+"; then "+g.statement()) + g.elses()
	}
	return g.pick("", "; else "+g.statement())
}

func (g *generator) assignments() string {
	var list []string
	for range 1 + g.IntN(2) {
		list = append(list, g.name()+"="+g.value())
	}
	return strings.Join(list, " ")
}

func (g *generator) declaration() string {
	command := g.pick("export", "export", "export", "export", "readonly")
	var list []string
	for range 1 + g.IntN(2) {
		one := g.name()
		if command == "readonly" {
			one = g.pick("R1", "R2", "R3", "R4", "R5")
		}
		if g.maybe(3, 4) {
			if g.posix {
				one += "=" + g.quoted() // dash splits there, as POSIX allows
			} else {
				one += "=" + g.value()
			}
		}
		list = append(list, one)
	}
	return g.use(command, command+" "+strings.Join(list, " "))
}

func (g *generator) redirect() string {
	if g.maybe(1, 4) {
		return g.use("redirection", g.pick(" >/dev/null", " 2>/dev/null", " 2>&1", " >/dev/null 2>&1"))
	}
	return ""
}

// value is a word after =.
func (g *generator) value() string {
	var b strings.Builder
	if g.maybe(1, 12) {
		b.WriteString(g.use("~", g.pick("~", "~/x", "a:~/y", "~:b:~", "a~b", "x=~/z", "\\~/q")))
		if g.maybe(1, 2) {
			return b.String()
		}
		b.WriteString("/")
	}
	for range g.IntN(4) {
		b.WriteString(g.part())
	}
	return b.String()
}

func (g *generator) part() string {
	switch g.IntN(9) {
	case 0, 1:
		return g.use("text", g.pick("a", "b-1", "eu.west", "/", ":", "@", "é", "=", "%", "+x", "]", ",", "a/b/c", "08", "12", "}", "^"))
	case 2:
		return g.use("single quotes", "'"+g.pick("", "a b", "$A", `\`, "\"", "*", "x\ny", "é", "#", "~", "a\\'\\''b")+"'")
	case 3, 4:
		return g.quoted()
	case 5:
		return g.use("backslash", `\`+g.pick(" ", "$", "\"", "\\", "a", "*", "'", "\n", "é", "~", "#"))
	case 6:
		return g.parameter(false)
	}
	return g.expansion(false)
}

func (g *generator) quoted() string {
	var b strings.Builder
	for range g.IntN(4) {
		switch g.IntN(4) {
		case 0:
			b.WriteString(g.pick("a b", "c", "'", "  ", "*", "#", "~", "\t", "é", "x\ny", "a?b", "/usr", "1", "{a,b}"))
		case 1:
			b.WriteString(g.use("backslash in quotes", `\`+g.pick("$", "\"", "\\", "`", "a", "'", "*", "\n", "n")))
		case 2:
			b.WriteString(g.parameter(true))
		case 3:
			b.WriteString(g.expansion(true))
		}
	}
	return g.use("double quotes", `"`+b.String()+`"`)
}

// expansion is one that is no parameter.
func (g *generator) expansion(inQuotes bool) string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 5 {
		return "z"
	}
	switch g.IntN(10) {
	case 8, 9:
		return g.within()
	case 0, 1:
		return g.use("$(( ))", "$(("+g.arithmetic(0)+"))")
	case 2:
		return g.use("$(pwd)", "$(pwd)")
	case 3:
		return g.use("dirname", "$(dirname "+g.pick("-- ", "")+g.path()+")")
	case 4:
		return g.use("basename", "$(basename "+g.path()+g.pick("", " .sh", " c")+")")
	case 5:
		if g.posix {
			return g.use("cat", "$(cat settings/lib/text)")
		}
		return g.use("cat", g.pick("$(cat settings/lib/text)", "$(< settings/lib/text)", "$(cat \"settings/lib/text\")"))
	case 6:
		return g.use("cd && pwd", "$(cd "+g.pick("-- ", "-P ", "")+g.pick("settings", "settings/lib", "\"settings/../settings/e\"", `"$(dirname "settings/e/x")"`)+
			g.pick("", " >/dev/null", " >/dev/null 2>&1")+g.pick(" && ", "; ")+"pwd"+g.pick("", " -P")+")")
	}
	if g.posix {
		return g.use("$(echo)", "$(echo "+g.pick("a", "'a  b'", "\"$A\"", "x$A")+")")
	}
	return g.use("$(echo)", "$(echo "+g.words()+")")
}

// within is $( ) around commands that print one of two texts.
func (g *generator) within() string {
	a, b := g.pick("a", "\"$A\"", "''", "b c"), g.pick("z", "\"${B:-x  y}\"")
	switch g.IntN(3) {
	case 0:
		return g.use("$(if)", "$(if "+g.condition()+"; then echo "+a+"; else echo "+b+"; fi)")
	case 1:
		return g.use("$(case)", "$(case \"$A\" in a*|\"\") echo "+a+";; *) echo "+b+";; esac)")
	}
	return g.use("$(&& ||)", "$("+g.condition()+" && echo "+a+" || echo "+b+")")
}

func (g *generator) path() string {
	return g.use("path", g.pick("a", "a/b.sh", "/", "/a", "//", "a//b/", "\"\"", "\"$A\"", "\"/x/$B/c\"", "a/", "/a/b//", "\"$PWD\"", ".", "..", "abc.sh.sh", "c"))
}

// parameter is $X or ${X…}.
func (g *generator) parameter(inQuotes bool) string {
	g.depth++
	defer func() { g.depth-- }()
	name := g.name()
	if g.maybe(1, 12) {
		name = g.pick("HOME", "PWD", "IN_ENV", "IN_ENV_2")
	}
	if !g.posix && g.maybe(1, 20) {
		return g.use("BASH_SOURCE", g.pick("$BASH_SOURCE", "${BASH_SOURCE[0]}", "${BASH_SOURCE[0]%/*}", "${BASH_SOURCE##*/}"))
	}
	if g.depth > 4 {
		return "$" + name
	}
	switch g.IntN(6) {
	case 0, 1:
		return g.use("$X", g.pick("$"+name, "${"+name+"}"))
	case 2, 3:
		op := g.pick("-", ":-", "+", ":+", "=", ":=", "?", ":?")
		if (op == "=" || op == ":=") && !strings.Contains(strings.Join(names, " "), name) {
			op = ":-"
		}
		return g.use("${X"+op+"}", "${"+name+op+g.operand(inQuotes)+"}")
	case 4:
		if g.posix {
			return g.use("${#X}", "${#"+name+"}")
		}
		return g.use("${#X}", g.pick("${#"+name+"}", "${#IN_ENV}"))
	}
	op := g.pick("#", "##", "%", "%%")
	return g.use("${X"+op+"}", "${"+name+op+g.patternOf(inQuotes)+"}")
}

func (g *generator) operand(inQuotes bool) string {
	var b strings.Builder
	for range g.IntN(3) {
		switch g.IntN(5) {
		case 0, 1:
			b.WriteString(g.pick("x", "y z", "1", "a/b", ":", "é", "  "))
		case 2:
			b.WriteString(g.parameter(inQuotes))
		case 3:
			if g.posix && inQuotes {
				b.WriteString("q") // quotes within quotes, of which POSIX says nothing
			} else {
				b.WriteString("\"" + g.pick("a b", "$A", "*", "") + "\"")
			}
		case 4:
			if !inQuotes {
				b.WriteString("'" + g.pick("a  b", "$A") + "'")
			}
		}
	}
	return b.String()
}

func (g *generator) patternOf(inQuotes bool) string {
	var b strings.Builder
	for range g.IntN(4) {
		b.WriteString(g.pick("a", "/", "*", "*", "?", "b", "x", "-", ".", "$B", "e", "1"))
		if g.maybe(1, 5) && !(g.posix && inQuotes) {
			b.WriteString(g.pick("\"*\"", "\"$A\"", "'?'", "\"a\""))
		}
	}
	return b.String()
}

func (g *generator) arithmetic(depth int) string {
	if depth > 3 || g.maybe(1, 3) {
		return g.use("operand", g.pick("0", "1", "2", "7", "10", "9223372036854775807", "N", "$N", "${M}", "M", "NOPE", "A"))
	}
	a, b := g.arithmetic(depth+1), g.arithmetic(depth+1)
	switch g.IntN(6) {
	case 0:
		return "(" + a + ")"
	case 1:
		return g.use("unary", g.pick("- ", "! ", "~ ", "+ ")+a)
	case 2:
		return g.use("?:", a+" ? "+b+" : "+g.arithmetic(depth+1))
	}
	op := g.pick("+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "&&", "||")
	return g.use("$(("+op+"))", a+g.pick(" ", "")+op+" "+b)
}

// words are those of for and echo.
func (g *generator) words() string {
	var list []string
	for range g.IntN(4) {
		list = append(list, g.pick("a", "b", "\"c d\"", "$A", "\"$B\"", "''", "x$A", "${A:-p q}", "\"${A:-p q}\"", "$A$B", "'*'", "é", "${A:-\"r  s\"}", "$C\"\"", "pre\"$A\"post"))
	}
	return strings.Join(list, " ")
}

// argument is one of a command that only prints it.
func (g *generator) argument() string {
	return g.pick("a", "\"b c\"", "$A", "\"$B\"", "${C:=set}", "\"${D:=also set}\"", g.value())
}

func (g *generator) condition() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 5 {
		return g.pick("true", "false", ":")
	}
	switch n := g.IntN(10); {
	case n < 2:
		return g.use("true false", g.pick("true", "false", ":", "! true", "! false"))
	case n < 6 || g.posix:
		return g.bracket()
	}
	return g.use("[[ ]]", "[[ "+g.test(0)+" ]]")
}

func (g *generator) single() string {
	return g.pick("\"$A\"", "\"$B\"", "$A", "x", "''", "\"\"", "\"${C:-d}\"", "1", "'a b'", "\"$(pwd)\"", "\\*", "\"$IN_ENV\"", "$NOPE")
}

func (g *generator) bracket() string {
	not := g.pick("", "", "! ")
	equal := g.pick("=", "!=")
	if !g.posix {
		equal = g.pick("=", "!=", "==")
	}
	var inner string
	switch g.IntN(7) {
	case 0:
		inner = g.use("[ W ]", g.single())
	case 1:
		inner = g.use("[ -n ]", g.pick("-n ", "-z ")+g.single())
	case 2, 3:
		inner = g.use("[ = ]", g.single()+" "+equal+" "+g.single())
	case 4:
		inner = g.use("[ -eq ]", g.number()+g.pick(" -eq ", " -ne ", " -lt ", " -le ", " -gt ", " -ge ")+g.number())
	case 5:
		inner = g.use("[ -f ]", g.pick("-e ", "-f ", "-d ", "-s ")+g.file())
	case 6:
		if g.posix {
			inner = "x"
		} else {
			inner = g.use("[ -v ]", "-v "+g.pick(names...))
		}
	}
	if g.maybe(1, 6) {
		return g.use("test", "test "+not+inner)
	}
	return "[ " + not + inner + " ]"
}

func (g *generator) number() string {
	return g.pick("1", "0", "08", "-3", "\"$N\"", "$N", "${A:-5}", "10")
}

func (g *generator) file() string {
	return g.pick("settings", "settings/lib/text", "settings/none", "\"settings/lib\"", "settings/lib/empty", "\"$PWD/settings\"", "''", "settings/lib/text/x")
}

func (g *generator) test(depth int) string {
	if depth < 2 && g.maybe(1, 3) {
		return g.use("[[ && ]]", g.test(depth+1)+g.pick(" && ", " || ")+g.test(depth+1))
	}
	switch g.IntN(8) {
	case 0:
		return g.use("[[ ! ]]", "! "+g.test(depth+1))
	case 1:
		return "( " + g.test(depth+1) + " )"
	case 2:
		return g.use("[[ -n ]]", g.pick("-n ", "-z ", "")+g.single())
	case 3:
		return g.use("[[ -eq ]]", g.pick("1", "0", "$N", "-3", "\"$M\"")+g.pick(" -eq ", " -ne ", " -lt ", " -le ", " -gt ", " -ge ")+g.pick("2", "$N", "10"))
	case 4:
		return g.use("[[ -f ]]", g.pick("-e ", "-f ", "-d ", "-s ")+g.file())
	case 5:
		return g.use("[[ -v ]]", "-v "+g.pick(names...))
	}
	return g.use("[[ = ]]", g.single()+g.pick(" = ", " == ", " != ")+g.pick(g.single(), "a*", "*\"$A\"*", "x?", "$B", "*", "é*", "\"*\"", "a\\*"))
}

func (g *generator) caseOf() string {
	var b strings.Builder
	fmt.Fprintf(&b, "case %s in\n", g.pick("$A", "\"$B\"", "x", "\"a b\"", "$IN_ENV", "${C:-c}"))
	for range g.IntN(4) {
		fmt.Fprintf(&b, "%s%s) %s;;\n", g.pick("", "("), g.pick("a*", "*b", "x|y", "\"$A\"", "$B", "?", "''", "'*'", "*", "a\\ b"), g.pick("", g.statement()))
	}
	return g.use("case", b.String()+"esac")
}
