package shellvars

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"strings"
)

// paths are the arguments that a command about paths has, but for -- and, for cd and
// pwd, for -P and -L.
func (s *session) paths(c call, atLeast, atMost int) (paths []string, physically bool) {
	s.failed, paths = false, c.args
	for atLeast == 0 && len(paths) > 0 && (paths[0] == "-P" || paths[0] == "-L") {
		physically, paths = paths[0] == "-P", paths[1:]
	}
	if len(paths) > 0 && paths[0] == "--" {
		paths = paths[1:]
	}
	foundByPath := atLeast == 0 || c.name == "<" || strings.Contains(":"+s.vars["PATH"].Value+":", ":"+s.path+":") // the programs of the build
	if len(paths) < atLeast || len(paths) > atMost || len(paths) > 0 && strings.HasPrefix(paths[0], "-") || !foundByPath {
		s.such(c, "set the value itself; PATH keeps what it held before")
	}
	return paths, physically
}

func (s *session) pwd(c call) {
	text := s.folder
	if _, physically := s.paths(c, 0, 0); physically {
		if resolved, err := filepath.EvalSymlinks(text); err == nil {
			text = resolved
		}
	}
	s.output.WriteString(text + "\n")
}

// cd goes to a folder below the settings.
func (s *session) cd(c call) {
	paths, physically := s.paths(c, 0, 1)
	path := strings.Join(paths, "")
	logical := filepath.Clean(s.at(path))
	physical, err := s.root.Resolve(s.at(path))
	same, errSame := s.root.Resolve(logical) // not where .. follows a symbolic link
	info, errInfo := s.root.Stat(logical)
	if path == "" || strings.HasPrefix(path, "//") || s.vars["CDPATH"].set || cmp.Or(err, errSame, errInfo) != nil || !info.IsDir() || physical != same {
		s.such(c, "name a folder of the settings that exists, without .. behind a symbolic link, and with CDPATH unset")
	}
	if s.folder = logical; physically {
		s.folder = physical
	}
}

// dirname is that of GNU coreutils.
func (s *session) dirname(c call) {
	paths, _ := s.paths(c, 1, 1)
	trimmed := strings.TrimRight(paths[0], "/")
	text, i := ".", strings.LastIndexByte(trimmed, '/')
	if i >= 0 || trimmed == "" && paths[0] != "" {
		text = cmp.Or(strings.TrimRight(trimmed[:max(i, 0)], "/"), "/")
	}
	s.output.WriteString(text + "\n")
}

// basename is that of GNU coreutils.
func (s *session) basename(c call) {
	paths, _ := s.paths(c, 1, 2)
	text := strings.TrimRight(paths[0], "/")
	text = text[strings.LastIndexByte(text, '/')+1:]
	if len(paths) == 2 && text != paths[1] {
		text = strings.TrimSuffix(text, paths[1])
	}
	if text == "" && paths[0] != "" {
		text = "/"
	}
	s.output.WriteString(text + "\n")
}

// cat prints a file below the settings.
func (s *session) cat(c call) {
	paths, _ := s.paths(c, 1, 1)
	content, err := s.root.ReadFile(s.at(paths[0]), maxFile)
	if err == nil && slices.Contains(content, 0) {
		err = errors.New("it holds a NUL byte, which no variable can hold")
	}
	if err != nil {
		s.wrongValue(c.node, "what is read here cannot be used: "+err.Error(), "name a file of the settings, tested with [ -f … ] if it may be missing")
	}
	s.output.Write(content)
}
