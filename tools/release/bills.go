package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// bills compares each bill of materials with the schema and with its program. The tool
// that writes them is not asked what is in them: go version is.
func (r repository) bills(ctx context.Context) error {
	list, err := r.released()
	if err != nil {
		return err
	}
	built := filepath.Join(r.temp, "one") // it has the tool
	module, err := r.output(ctx, filepath.Join(built, "tools"), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go")
	if err != nil {
		return err
	}
	for _, p := range list {
		bill, absErr := filepath.Abs(p.bill)
		_, invalid := r.output(ctx, built, filepath.Join(built, "bin", "tools", "sbom"), "-schema", filepath.Join(module, "schema"), bill)
		told, listErr := r.output(ctx, r.temp, "go", "version", "-m", p.absolute())
		if err = errors.Join(err, absErr, invalid, listErr); err != nil {
			return err
		}
		err = errors.Join(err, matches(p, told))
	}
	return err
}

// matches compares a bill with what go version -m tells of its program.
func matches(p program, told string) error {
	content, err := os.ReadFile(p.bill)
	if err != nil {
		return err
	}
	type component struct {
		Name, Version string
		Hashes        []struct{ Content string }
	}
	var bill struct {
		SerialNumber string
		Metadata     struct{ Component component }
		Components   []component
	}
	if err := json.Unmarshal(content, &bill); err != nil {
		return err
	}
	line := func(c component) string {
		for _, h := range c.Hashes {
			return c.Name + " " + c.Version + " " + h.Content
		}
		return c.Name + " " + c.Version
	}
	sum, err := digest(p.file)
	if err != nil {
		return err
	}
	main := bill.Metadata.Component
	if bill.SerialNumber != "" || main.Name != p.name || len(main.Hashes) != 1 || main.Hashes[0].Content != sum {
		err = fmt.Errorf("%s is that of %s, and has the serial number %q", p.bill, line(main), bill.SerialNumber)
	}
	var is []string
	for _, c := range bill.Components {
		is = append(is, line(c))
	}
	want := modulesOf(told)
	slices.Sort(is)
	if !slices.Equal(is, want) || len(want) < 2 {
		err = errors.Join(err, fmt.Errorf("%s has\n%s\nand the program has\n%s", p.bill, strings.Join(is, "\n"), strings.Join(want, "\n")))
	}
	return err
}

// modulesOf reads go version -m: the Go of the first line, and a module a line, which the
// next line may replace.
func modulesOf(told string) (list []string) {
	for line := range strings.Lines(told) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 2 && strings.HasSuffix(fields[0], ":"):
			list = append(list, "stdlib "+strings.TrimPrefix(fields[1], "go"))
		case len(fields) == 4 && (fields[0] == "dep" || fields[0] == "=>"):
			if fields[0] == "=>" {
				list = list[:len(list)-1]
			}
			sum, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(fields[3], "h1:"))
			list = append(list, fields[1]+" "+fields[2]+" "+hex.EncodeToString(sum))
		case len(fields) == 3 && fields[0] == "dep": // replaced, so that it has no sum
			list = append(list, fields[1]+" "+fields[2])
		}
	}
	slices.Sort(list)
	return list
}
