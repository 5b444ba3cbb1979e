package report

import (
	"spa-runner/internal/record"
)

// table begins one. The first column is the wide one.
func (w *writer) table(columns ...markup) {
	w.put("<table>\n<thead><tr>")
	for i, c := range columns {
		switch {
		case c == "":
			continue
		case i == 0:
			w.put("<th scope=\"col\" class=\"wide\">")
		default:
			w.put("<th scope=\"col\">")
		}
		w.put(c).put("</th>")
	}
	w.put("</tr></thead>\n<tbody>\n")
}

// enough ends a table that is long, with how many rows are not shown.
func (w *writer) enough(i, of, most int) bool {
	if i < most && !w.full() {
		return false
	}
	w.put("<tr><td>and ").number(of - i).put(" more: ").put(record.File).put(" has them all</td></tr>\n")
	return true
}

// files are some of an overlay: those that are shown, and how many there are. They
// are not copied, since an overlay can be long and a page is made again and again.
type files struct {
	shown []*record.Laid
	count int
}

func (f *files) add(l *record.Laid) {
	if f.count++; len(f.shown) < maxLaid {
		f.shown = append(f.shown, l)
	}
}

func (w *writer) overlay(laid []record.Laid, pass string) {
	if len(laid) == 0 {
		return
	}
	var added, replaced files
	size := int64(0)
	for i := range laid {
		f := &laid[i]
		size += f.Size
		if f.Action == "replaced" {
			replaced.add(f)
		} else {
			added.add(f)
		}
	}
	w.heading("Overlay", pass, written(replaced.count)+" replaced, "+written(added.count)+" added, "+bytes(size))
	w.laid("Replaced", replaced)
	w.laid("Added", added)
}

func (w *writer) laid(title markup, files files) {
	if files.count == 0 {
		return
	}
	w.put("<details")
	if files.count <= openRows {
		w.put(" open=\"open\"")
	}
	w.put("><summary>").put(title).put(": ").number(files.count).put("</summary>\n")
	w.table("file", "size", "SHA-256")
	for i := range files.count {
		if w.enough(i, files.count, maxLaid) {
			break
		}
		f := files.shown[i]
		w.put("<tr><td><code>").text(f.Path).put("</code>")
		if f.Target != "" {
			w.put("<small>link to <code>").text(f.Target).put("</code></small></td><td>link</td><td>")
		} else {
			w.put("</td><td>").text(bytes(f.Size)).put("</td><td><code>").text(first(f.SHA256, 12)).put("</code>")
		}
		w.put("</td></tr>\n")
	}
	w.put("</tbody>\n</table>\n</details>\n")
}

func (w *writer) roles(roles []record.Role, pass string) {
	if len(roles) == 0 {
		return
	}
	w.heading("Roles assumed", pass, "")
	w.table("role and session", "as, in", "account, at")
	for i, r := range roles {
		if w.enough(i, len(roles), maxRows) {
			break
		}
		w.put("<tr><td><code>").text(r.Role).put("</code><small>session ").text(r.Session).put("</small></td><td>").text(r.Scope)
		w.put("<small>").text(r.Step).put("</small></td><td>").text(r.Account).put("<small>").text(clock(r.At)).put("</small></td></tr>\n")
	}
	w.put("</tbody>\n</table>\n")
}

func (w *writer) retries(retries []record.Retry, pass string) {
	if len(retries) == 0 {
		return
	}
	w.heading("Tried again", pass, "")
	w.table("what, and its last error", "step", "times")
	for i, r := range retries {
		if w.enough(i, len(retries), maxRows) {
			break
		}
		w.put("<tr><td>").text(r.What).put("<small>").text(r.Error).put("</small></td><td>").text(r.Step).put("</td><td>").number(r.Times).put("</td></tr>\n")
	}
	w.put("</tbody>\n</table>\n")
}

func (w *writer) variables(title markup, all []record.Variable) {
	if len(all) == 0 {
		return
	}
	w.heading(title, "", "")
	w.table("name", "value", "from")
	for i, v := range all {
		if w.enough(i, len(all), maxRows) {
			break
		}
		w.put("<tr><td><code>").text(v.Name).put("</code></td><td><code>").text(v.Value).put("</code></td><td>").text(v.Source).put("</td></tr>\n")
	}
	w.put("</tbody>\n</table>\n")
}
