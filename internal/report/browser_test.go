package report

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"spa-runner/internal/oracle"
	"spa-runner/internal/record"
)

// measure is a page that shows others in frames, measures them, and has the result
// as its text. The reports themselves have no script, and allow none.
const measure = `<!DOCTYPE html><meta charset="utf-8"><body><script>
const wanted = %s, found = [];
const colour = s => { // to three numbers and an opacity
  const c = document.createElement('canvas').getContext('2d');
  c.fillStyle = s; c.fillRect(0, 0, 1, 1);
  return [...c.getImageData(0, 0, 1, 1).data];
};
const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const known = {};
const ratio = (a, b) => known[a + b] ??= (([x, y]) => (x + .05) / (y + .05))([light(colour(a)), light(colour(b))].sort((p, q) => q - p));
function look(frame, want) {
  const d = frame.contentDocument, w = frame.contentWindow, pale = new Set(), wide = new Set();
  let least = 99;
  for (const e of d.querySelectorAll('body, body *')) {
    const box = e.getBoundingClientRect();
    if (box.right > want.width + .5 || box.left < -.5 || e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && w.getComputedStyle(e).display != 'inline') wide.add(e.tagName + '.' + e.className);
    if (![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())) continue;
    let back = e;
    while (back && w.getComputedStyle(back).backgroundColor == 'rgba(0, 0, 0, 0)') back = back.parentElement;
    const r = ratio(w.getComputedStyle(e).color, w.getComputedStyle(back || d.body).backgroundColor);
    least = Math.min(least, r);
    if (r < 4.5) pale.add(e.tagName + '.' + e.className + ' ' + r.toFixed(2));
  }
  found.push({
    Run: want.run, Width: want.width, Title: d.title, Scrolls: d.documentElement.scrollWidth, Wide: [...wide], Pale: [...pale], Least: least,
    Background: w.getComputedStyle(d.body).backgroundColor, Scripts: d.querySelectorAll('script, img, link, iframe').length,
    Steps: [...d.querySelectorAll('.steps li')].map(li => {
      const track = li.querySelector('.track').getBoundingClientRect(), bar = li.querySelector('.bar')?.getBoundingClientRect();
      return {Name: li.querySelector('.name').childNodes[0].data.trim(), Top: li.getBoundingClientRect().top, Track: track.width, Time: li.querySelector('.time').textContent,
        Bar: !!bar, Left: bar ? bar.left - track.left : 0, Length: bar ? bar.width : 0, Mark: li.querySelector('.mark').textContent, Say: li.querySelector('.say')?.textContent || ''};
    })});
  if (found.length == wanted.length) {
    const out = document.createElement('pre');
    out.id = 'found'; out.textContent = JSON.stringify(found);
    document.body.replaceChildren(out);
  }
}
for (const want of wanted) {
  const frame = document.createElement('iframe');
  frame.style.cssText = 'border:0;height:800px;width:' + want.width + 'px';
  frame.onload = () => look(frame, want);
  frame.src = '/' + want.run + '.html';
  document.body.append(frame);
}
</script>`

// seen is what a browser made of a report.
type seen struct {
	Run            string
	Width, Scrolls int
	Title          string
	Wide, Pale     []string
	Least          float64
	Background     string
	Scripts        int
	Steps          []bar
}

type bar struct {
	Name, Time, Mark, Say    string
	Bar                      bool
	Top, Track, Left, Length float64
}

func chromium(t *testing.T) string {
	t.Helper()
	oracle.Need(t, os.Getenv)
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no chromium here: apt-get install chromium")
	return ""
}

// dom is what a browser has made of a page when it has loaded it.
func dom(t *testing.T, address string, flags ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	args := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
		"--user-data-dir=" + t.TempDir(), "--window-size=1400,900",
	}, flags...)
	cmd := exec.CommandContext(ctx, chromium(t), append(args, "--dump-dom", address)...)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	return string(out)
}

// shown are pages in a browser, each at the width of a phone and of a desk, and
// what the browser asked for besides.
func shown(t *testing.T, pages map[string][]byte, flags ...string) (found []seen, asked []string) {
	t.Helper()
	type want struct {
		Run   string `json:"run"`
		Width int    `json:"width"`
	}
	var wanted []want
	for name := range pages {
		wanted = append(wanted, want{name, 375}, want{name, 1280})
	}
	list, err := json.Marshal(wanted)
	if err != nil {
		t.Fatal(err)
	}
	var lock sync.Mutex
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		content, known := pages[strings.TrimSuffix(strings.TrimPrefix(q.URL.Path, "/"), ".html")]
		switch {
		case known:
		case q.URL.Path == "/measure":
			content = fmt.Appendf(nil, measure, list)
		case q.URL.Path != "/favicon.ico": // that one the browser asks for of any page
			lock.Lock()
			asked = append(asked, q.URL.Path)
			lock.Unlock()
		}
		w.Write(content) //nolint:errcheck // the browser will tell
	}))
	defer server.Close()               // after the lock is given back
	for name, content := range pages { // the server's own address, so that a request would be seen
		pages[name] = []byte(strings.ReplaceAll(string(content), "http://127.0.0.1:1/", "http://"+server.Listener.Addr().String()+"/"))
	}
	server.Start()
	page := dom(t, server.URL+"/measure", flags...)
	lock.Lock()
	defer lock.Unlock()
	m := regexp.MustCompile(`(?s)<pre id="found">(.*?)</pre>`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("nothing was measured: %.2000s", page)
	}
	if err := json.Unmarshal([]byte(html.UnescapeString(m[1])), &found); err != nil {
		t.Fatal(err)
	}
	if len(found) != len(wanted) {
		t.Fatalf("%d pages, want %d", len(found), len(wanted))
	}
	return found, asked
}

func TestThePageInABrowser(t *testing.T) {
	chromium(t)
	all := runs()
	backgrounds := map[string]bool{}
	for mode, flags := range map[string][]string{"light": nil, "dark": {"--blink-settings=preferredColorScheme=0"}} {
		pages := map[string][]byte{}
		for _, name := range []string{"good", "two-passes", "failed", "held", "killed", "early", "many-files", "hostile", "long"} {
			pages[name] = HTML(all[name])
		}
		found, asked := shown(t, pages, flags...)
		if len(asked) > 0 {
			t.Errorf("the browser asked for %v", asked)
		}
		for _, s := range found {
			t.Run(fmt.Sprintf("%s at %d, %s", s.Run, s.Width, mode), func(t *testing.T) { s.check(t, all[s.Run]) })
			backgrounds[s.Background] = true
		}
	}
	if len(backgrounds) != 2 {
		t.Errorf("backgrounds %v, want a light one and a dark one", backgrounds)
	}
}

// Were a tag to come through one day, the policy would still hold a script and a
// picture back. Without the policy they are seen: so this test would see them.
func TestThePolicyHoldsScriptsBack(t *testing.T) {
	chromium(t)
	bad := "<script>document.title='owned'</script><img src=\"http://127.0.0.1:1/owned\"/></main>"
	injected := strings.Replace(string(HTML(goodRun())), "</main>", bad, 1)
	free := strings.Replace(injected, policy, "", 1)
	found, asked := shown(t, map[string][]byte{"injected": []byte(injected)})
	if len(asked) > 0 || !strings.HasPrefix(found[0].Title, "Deployed") {
		t.Errorf("the policy let through: title %q, asked for %v", found[0].Title, asked)
	}
	found, asked = shown(t, map[string][]byte{"free": []byte(free)})
	if len(asked) == 0 || found[0].Title != "owned" {
		t.Errorf("this test sees nothing: title %q, asked for %v", found[0].Title, asked)
	}
}

func (s seen) check(t *testing.T, r record.Record) {
	if s.Scrolls > s.Width || len(s.Wide) > 0 {
		t.Errorf("wider than the window: %d, %v", s.Scrolls, s.Wide)
	}
	if len(s.Pale) > 0 {
		t.Errorf("hard to read: %v", s.Pale)
	}
	if s.Scripts != 0 || s.Title == "owned" || !strings.HasSuffix(s.Title, " · spa-runner") {
		t.Errorf("%d scripts, pictures and links, title %q", s.Scripts, s.Title)
	}
	var planned []record.Step
	var in []record.Pass
	for _, p := range r.Passes {
		for _, step := range p.Steps {
			planned, in = append(planned, step), append(in, p)
		}
	}
	if len(s.Steps) != len(planned) {
		t.Fatalf("%d steps, want %d", len(s.Steps), len(planned))
	}
	if s.Run == "hostile" || strings.HasPrefix(s.Run, "long") {
		return // all of its steps have one name
	}
	for i, got := range s.Steps {
		step := planned[i]
		if got.Name != step.Name || i > 0 && got.Top <= s.Steps[i-1].Top {
			t.Errorf("step %d is %q at %v, want %q", i, got.Name, got.Top, step.Name)
		}
		if marks := map[record.Outcome]string{record.Finished: "✔", record.Failed: "✖", record.Running: "◷", record.Skipped: "–", record.Held: "–", record.NotStarted: "·"}; got.Mark != marks[step.Outcome] {
			t.Errorf("%s is %s and has the mark %q", step.Name, step.Outcome, got.Mark)
		}
		if (step.Outcome == record.Finished) != (got.Say == "") {
			t.Errorf("%s is %s and says %q", step.Name, step.Outcome, got.Say)
		}
		started := !step.Started.IsZero() && step.Outcome != record.Skipped
		if got.Bar != started || started && got.Time == "" {
			t.Errorf("%s: a bar %v and the time %q, want %v", step.Name, got.Bar, got.Time, started)
		}
		if !started {
			continue
		}
		span, took := milliseconds(in[i].TookMS), milliseconds(step.TookMS)
		if step.Outcome == record.Running {
			took = r.Written.Sub(step.Started)
		}
		left := got.Track * float64(step.Started.Sub(in[i].Started)) / float64(span)
		length := got.Track * float64(took) / float64(span)
		near := max(1, got.Track/100)
		if got.Track < 100 || math.Abs(got.Left-left) > max(near, 3) || math.Abs(got.Length-max(length, 3)) > near {
			t.Errorf("%s: a bar from %.1f, %.1f long, of %.1f; want %.1f, %.1f", step.Name, got.Left, got.Length, got.Track, left, length)
		}
	}
}

// As people open it: a file, by itself.
func TestThePageAsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), record.Report)
	if err := os.WriteFile(file, HTML(everywhere(hostile())), 0o600); err != nil {
		t.Fatal(err)
	}
	page := dom(t, "file://"+file)
	if title := between(page, "<title>", "</title>"); !strings.HasPrefix(title, "Failed in &lt;script&gt;") {
		t.Errorf("title %q", title)
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "<img") {
		t.Error("text became a tag")
	}
	if got, want := strings.Count(page, `<span class="name">`), len(planned()); got != want {
		t.Errorf("%d steps, want %d", got, want)
	}
}

func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}
