package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// readPins reads what is pinned, which must be the same in all places.
func readPins(dir string) (p pinned, err error) {
	seen := map[*string]string{} // where the value was found first
	for _, at := range places() {
		content, err := os.ReadFile(filepath.Join(dir, at.file))
		if err != nil {
			return p, err
		}
		found := at.pattern.FindAllSubmatch(content, -1)
		if len(found) == 0 {
			return p, fmt.Errorf("%s has no place for %s", at.file, at.what)
		}
		field := at.value(&p)
		for _, match := range found {
			where, value := at.file+" ("+at.what+")", string(match[1])
			if first, ok := seen[field]; !ok {
				seen[field], *field = where, value
			} else if value != *field {
				return p, fmt.Errorf("what is pinned is not the same in all places: %q in %s, %q in %s", *field, first, value, where)
			}
		}
	}
	for _, file := range []string{"buildspec.yml", filepath.Join("infra", "devops.yaml")} {
		content, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return p, err
		}
		found := released.FindSubmatch(content)
		switch {
		case found == nil:
			return p, fmt.Errorf("%s does not say which release is pinned", file)
		case string(found[1]) != p.tag, p.commit != "" && string(found[2]) != p.commit:
			return p, fmt.Errorf("what is pinned is not the same in all places: %s says it is %q", file, found[0])
		}
		p.commit = string(found[2])
	}
	if (p.tag == "") != (p.amd64 == "") || (p.tag == "") != (p.arm64 == "") {
		return p, fmt.Errorf("a part is pinned and a part is not: %q", p)
	}
	return p, nil
}

// writePins writes it to all places.
func writePins(dir string, p pinned) error {
	texts := map[string][]byte{}
	for _, at := range places() {
		if texts[at.file] == nil {
			content, err := os.ReadFile(filepath.Join(dir, at.file))
			if err != nil {
				return err
			}
			texts[at.file] = released.ReplaceAll(content, []byte(p.sentence()))
		}
		texts[at.file] = replace(texts[at.file], at, *at.value(&p))
	}
	for file, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// replace puts a value where another one is, or none. What comes before it, if the
// pattern has that to find the place, stays.
func replace(content []byte, at place, value string) []byte {
	old := regexp.MustCompile(`(?:\$\{\w+:[?-][^}]*\}|"[0-9a-f]*"|    Default: \S+\n)?$`)
	return at.pattern.ReplaceAllFunc(content, func(match []byte) []byte {
		return append(old.ReplaceAll(match, nil), at.text(value)...)
	})
}
