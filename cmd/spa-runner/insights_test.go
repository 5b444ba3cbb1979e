package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This is as much of CloudWatch Logs Insights as the queries of the README need, so
// that they can be run here over logs of real runs:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html

// logEvent is what Insights makes of a line: system fields, and if the whole of it is
// JSON, those that it discovers. What is nested has dots, and numbers in lists:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
type logEvent map[string]any

// discovered is how many fields of an event it finds.
const discovered = 200

func discover(line string, at time.Time) (logEvent, error) {
	e := logEvent{"@timestamp": at, "@message": line}
	var fields map[string]any
	if json.Unmarshal([]byte(line), &fields) == nil {
		flatten(e, "", fields)
	}
	if len(e)-2 > discovered {
		return nil, fmt.Errorf("%d fields, of which Insights finds %d: %.200s", len(e)-2, discovered, line)
	}
	return e, nil
}

func flatten(into logEvent, name string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			flatten(into, strings.TrimPrefix(name+"."+key, "."), inner)
		}
	case []any:
		for i, inner := range v {
			flatten(into, name+"."+strconv.Itoa(i), inner)
		}
	default:
		into[name] = v
	}
}

var insightsToken = regexp.MustCompile(`^(?:\s+|"[^"]*"|'[^']*'|/(?:[^/\\ ]|\\.)(?:[^/\\]|\\.)*/|[0-9]+(?:[.][0-9]+)?[a-z]*|[A-Za-z_@][\w.@]*|!=|<=|>=|[-=<>()\[\],|*+/])`)

func insightsTokens(query string) (tokens []string, err error) {
	for query != "" {
		found := insightsToken.FindString(query)
		if found == "" {
			return nil, fmt.Errorf("no token at %.20q", query)
		}
		if query = query[len(found):]; strings.TrimSpace(found) != "" {
			tokens = append(tokens, found)
		}
	}
	return tokens, nil
}

// evaluated is an expression: of the first event of a group, or over all of it.
type evaluated func(group []logEvent) any

// insights is a query. While it is read, it notes the fields that it takes from the log
// and what it compares them with.
type insights struct {
	tokens   []string
	commands []func([]logEvent) []logEvent
	columns  []string
	aliases  map[string]bool
	fields   map[string]bool
	literals [][2]string // field, text
}

var errInsights = errors.New("not known here")

func parseInsights(query string) (q *insights, err error) {
	q = &insights{aliases: map[string]bool{}, fields: map[string]bool{}}
	if q.tokens, err = insightsTokens(query); err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			wrong, ok := r.(error)
			if !ok || !errors.Is(wrong, errInsights) {
				panic(r)
			}
			err = fmt.Errorf("%w, before %q", wrong, strings.Join(q.tokens, " "))
		}
	}()
	for more := true; more; more = q.accept("|") {
		switch command := q.next(); command {
		case "filter":
			q.filter()
		case "fields":
			q.project()
		case "stats":
			q.stats()
		case "sort":
			q.sort()
		case "limit":
			n := q.number()
			q.commands = append(q.commands, func(list []logEvent) []logEvent { return list[:min(len(list), n)] })
		default:
			q.fail("the command %q", command)
		}
	}
	if len(q.tokens) > 0 {
		q.fail("what is left")
	}
	return q, nil
}

// run gives the rows, each cell as text.
func (q *insights) run(events []logEvent) (rows [][]string) {
	for _, command := range q.commands {
		events = command(events)
	}
	for _, e := range events {
		row := make([]string, 0, len(q.columns))
		for _, column := range q.columns {
			row = append(row, insightsText(e[column]))
		}
		rows = append(rows, row)
	}
	return rows
}

func insightsText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(math.Round(v*10000)/10000, 'f', -1, 64)
	case time.Time:
		return v.UTC().Format("2006-01-02 15:04:05.000")
	}
	return fmt.Sprint(value)
}

func (q *insights) fail(format string, args ...any) {
	panic(fmt.Errorf(format+": %w", append(args, errInsights)...))
}

func (q *insights) peek() string {
	if len(q.tokens) == 0 {
		return ""
	}
	return q.tokens[0]
}

func (q *insights) next() string {
	token := q.peek()
	if token == "" {
		q.fail("the end")
	}
	q.tokens = q.tokens[1:]
	return token
}

func (q *insights) accept(tokens ...string) bool {
	if len(q.tokens) < len(tokens) || !slices.Equal(q.tokens[:len(tokens)], tokens) {
		return false
	}
	q.tokens = q.tokens[len(tokens):]
	return true
}

func (q *insights) expect(token string) {
	if !q.accept(token) {
		q.fail("no %q", token)
	}
}

func (q *insights) number() int {
	n, err := strconv.Atoi(q.next())
	if err != nil {
		q.fail("%v", err)
	}
	return n
}

// field takes the name of one of the log, or of one that the query made.
func (q *insights) field() string {
	name := q.next()
	if !regexp.MustCompile(`^[A-Za-z_@]`).MatchString(name) {
		q.fail("%q is no field", name)
	}
	if !q.aliases[name] && !strings.HasPrefix(name, "@") {
		q.fields[name] = true
	}
	return name
}

func (q *insights) text() string {
	token := q.next()
	if token[0] != '"' && token[0] != '\'' {
		q.fail("%q is no text", token)
	}
	return token[1 : len(token)-1]
}

func (q *insights) filter() {
	condition := q.or()
	q.commands = append(q.commands, func(list []logEvent) []logEvent {
		return slices.DeleteFunc(slices.Clone(list), func(e logEvent) bool { return !condition(e) })
	})
}

func (q *insights) or() func(logEvent) bool {
	left := q.and()
	for q.accept("or") {
		one, other := left, q.and()
		left = func(e logEvent) bool { return one(e) || other(e) }
	}
	return left
}

func (q *insights) and() func(logEvent) bool {
	left := q.condition()
	for q.accept("and") {
		one, other := left, q.condition()
		left = func(e logEvent) bool { return one(e) && other(e) }
	}
	return left
}

func (q *insights) condition() func(logEvent) bool {
	if q.accept("ispresent", "(") {
		name := q.field()
		q.expect(")")
		return func(e logEvent) bool { return e[name] != nil }
	}
	name := q.field()
	var texts []string
	switch operator := q.next(); operator {
	case "=":
		texts = []string{q.text()}
	case "in":
		q.expect("[")
		for more := true; more; more = q.accept(",") {
			texts = append(texts, q.text())
		}
		q.expect("]")
	case "like":
		pattern := q.next()
		if pattern[0] != '/' {
			q.fail("like %s", pattern)
		}
		expression := regexp.MustCompile(pattern[1 : len(pattern)-1])
		return func(e logEvent) bool { text, ok := e[name].(string); return ok && expression.MatchString(text) }
	default:
		q.fail("the operator %q", operator)
	}
	for _, text := range texts {
		q.literals = append(q.literals, [2]string{name, text})
	}
	return func(e logEvent) bool { text, ok := e[name].(string); return ok && slices.Contains(texts, text) }
}

// project is the command fields.
func (q *insights) project() {
	for more := true; more; more = q.accept(",") {
		q.columns = append(q.columns, q.field())
	}
}

func (q *insights) alias(otherwise string) string {
	if q.accept("as") {
		otherwise = q.next()
		q.aliases[otherwise] = true
	}
	return otherwise
}

// stats makes a row of each group.
func (q *insights) stats() {
	type column struct {
		name  string
		value evaluated
	}
	var totals, keys []column
	add := func(to *[]column, value func() evaluated) {
		for more := true; more; more = q.accept(",") {
			start := q.tokens
			c := column{value: value()}
			c.name = q.alias(strings.Join(start[:len(start)-len(q.tokens)], ""))
			*to = append(*to, c)
		}
	}
	add(&totals, q.sum)
	if q.accept("by") {
		add(&keys, q.key)
	}
	q.columns = nil
	for _, c := range slices.Concat(keys, totals) {
		q.columns = append(q.columns, c.name)
	}
	q.commands = append(q.commands, func(list []logEvent) (rows []logEvent) {
		groups := map[string][]logEvent{}
		for _, e := range list {
			var id strings.Builder
			for _, key := range keys {
				fmt.Fprintf(&id, "%q ", insightsText(key.value([]logEvent{e})))
			}
			groups[id.String()] = append(groups[id.String()], e)
		}
		for _, id := range slices.Sorted(maps.Keys(groups)) {
			row := logEvent{}
			for _, c := range slices.Concat(keys, totals) {
				row[c.name] = c.value(groups[id])
			}
			rows = append(rows, row)
		}
		return rows
	})
}

// key is what stats groups by.
func (q *insights) key() evaluated {
	if !q.accept("bin", "(") {
		name := q.field()
		return func(group []logEvent) any { return group[0][name] }
	}
	if q.next() != "1d" {
		q.fail("another period than 1d")
	}
	q.expect(")")
	return func(group []logEvent) any {
		at, _ := group[0]["@timestamp"].(time.Time)
		return at.UTC().Truncate(24 * time.Hour)
	}
}

// sum is one aggregate, such as max(took_ms / 1000).
func (q *insights) sum() evaluated {
	name := q.next()
	q.expect("(")
	if q.accept("*", ")") && name == "count" {
		return func(group []logEvent) any { return float64(len(group)) }
	}
	field, divisor := q.field(), 1
	if q.accept("/") {
		divisor = q.number()
	}
	q.expect(")")
	aggregate := map[string]func([]logEvent) any{
		"count_distinct": func(group []logEvent) any {
			seen := map[any]bool{}
			for _, e := range group {
				seen[e[field]] = true
			}
			return float64(len(seen))
		},
		"latest": func(group []logEvent) any {
			return slices.MaxFunc(group, func(a, b logEvent) int { return insightsOrder(a["@timestamp"], b["@timestamp"]) })[field]
		},
		"max": func(group []logEvent) any { return slices.Max(numbers(group, field, divisor)) },
		"avg": func(group []logEvent) any {
			total, list := 0.0, numbers(group, field, divisor)
			for _, n := range list {
				total += n
			}
			return total / float64(len(list))
		},
	}[name]
	if aggregate == nil {
		q.fail("the aggregate %q", name)
	}
	return aggregate
}

func numbers(group []logEvent, field string, divisor int) (list []float64) {
	for _, e := range group {
		if n, ok := e[field].(float64); ok {
			list = append(list, n/float64(divisor))
		}
	}
	return list
}

func (q *insights) sort() {
	var keys []func(a, b logEvent) int
	for more := true; more; more = q.accept(",") {
		name, sign := q.field(), 1
		if q.accept("desc") {
			sign = -1
		} else {
			q.accept("asc")
		}
		keys = append(keys, func(a, b logEvent) int { return sign * insightsOrder(a[name], b[name]) })
	}
	q.commands = append(q.commands, func(list []logEvent) []logEvent {
		return slices.SortedStableFunc(slices.Values(list), func(a, b logEvent) int {
			for _, key := range keys {
				if order := key(a, b); order != 0 {
					return order
				}
			}
			return 0
		})
	})
}

func insightsOrder(a, b any) int {
	switch a := a.(type) {
	case float64:
		b, _ := b.(float64)
		return cmp.Compare(a, b)
	case time.Time:
		b, _ := b.(time.Time)
		return a.Compare(b)
	}
	return cmp.Compare(insightsText(a), insightsText(b))
}
