package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// environmentFolder is the folder of the environment in the clone of the
// settings, as an absolute path without symlinks. One that is missing, or that
// leads out of the settings, is an error; a missing one names those that exist.
func environmentFolder(settings, environment string) (string, error) {
	if !filepath.IsLocal(environment) {
		return "", fmt.Errorf("%q (SETTINGS_ENVIRONMENT_PATH) is no folder in the settings: write it as seen from their top", environment)
	}
	root, err := filepath.EvalSymlinks(settings)
	if err != nil {
		return "", fmt.Errorf("opening the settings: %w", err)
	}
	if root, err = filepath.Abs(root); err != nil {
		return "", fmt.Errorf("opening the settings: %w", err)
	}
	folder, err := filepath.EvalSymlinks(filepath.Join(root, environment))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the settings have no folder %q (SETTINGS_ENVIRONMENT_PATH); %s",
			environment, siblings(root, environment))
	}
	if err != nil {
		return "", fmt.Errorf("opening the environment %q in the settings: %w", environment, err)
	}
	if folder != root && !strings.HasPrefix(folder, root+string(os.PathSeparator)) {
		return "", fmt.Errorf("%q (SETTINGS_ENVIRONMENT_PATH) is a link that leads out of the settings", environment)
	}
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%q (SETTINGS_ENVIRONMENT_PATH) is a file in the settings, not a folder", environment)
	}
	return folder, nil
}

// siblings says which folders there are where the missing one should be. It
// looks through an os.Root, so that no link shows what is outside the settings.
func siblings(root, environment string) string {
	settings, err := os.OpenRoot(root)
	if err != nil {
		return "the settings cannot be listed: " + err.Error()
	}
	defer func() { _ = settings.Close() }()
	for parent := filepath.Dir(filepath.Clean(environment)); ; parent = filepath.Dir(parent) {
		entries, err := fs.ReadDir(settings.FS(), parent)
		if err != nil && parent == "." {
			return "the settings cannot be listed: " + err.Error()
		}
		if err != nil {
			continue
		}
		var names []string
		for _, e := range entries {
			if e.IsDir() && e.Name() != ".git" {
				names = append(names, filepath.Join(parent, e.Name()))
			}
		}
		if len(names) == 0 {
			return fmt.Sprintf("there are no folders in %q", parent)
		}
		return "there are: " + strings.Join(names, ", ")
	}
}

// EnvironmentFolder tells what is in the way of an environment before a run: its
// folder in the settings is missing, a file, or leads out of them.
func EnvironmentFolder(settings, environment string) error {
	_, err := environmentFolder(settings, environment)
	return err
}
