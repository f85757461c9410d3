package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yaml reads the YAML file: one mapping of settings by their names. It walks
// the document itself, so that every mistake in it can be named with its line.
func (l *loader) yaml(file string) layer {
	out := layer{}
	b, err := readBounded(l.path(file))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.fault(l.from[ConfigFileFlag], "names %s, which doesn't exist", quote(file))
		return out
	case err != nil:
		l.fault(file, "%s", err.Error())
		return out
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return out // nothing but comments
	} else if err != nil {
		l.fault(file, "is not valid YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return out
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		l.fault(file, "must hold settings, one a line, such as: log-format: json")
		return out
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		l.fault(file, "holds more than one document; one is read")
	}
	for i := 0; i < len(root.Content); i += 2 {
		l.yamlSetting(out, file, root.Content[i], root.Content[i+1])
	}
	return out
}

func (l *loader) yamlSetting(out layer, file string, key, value *yaml.Node) {
	where := fmt.Sprintf("%s line %d: %s", file, key.Line, key.Value)
	settings := Settings()
	i := slices.IndexFunc(settings, func(s Setting) bool {
		return s.Name == key.Value || s.FromFile && s.FileFlag() == key.Value
	})
	if i < 0 {
		l.fault(where, "is no setting of Usher's; %s", suggest(key.Value, yamlNames()))
		return
	}
	if s := settings[i]; s.Secret && s.Name == key.Value {
		l.fault(where, "holds a secret, and files like this one get copied and committed; put it into a file of its own and name that with %s", s.FileFlag())
		return
	}
	if before, twice := out[key.Value]; twice {
		l.fault(where, "stands in the file twice; the first is %s", before.where)
		return
	}
	text, ok := yamlText(value)
	if !ok {
		l.fault(where, "must be one value, or a list of them")
		return
	}
	if text != "" {
		out[key.Value] = given{text, where}
	}
}

func yamlNames() []string {
	var out []string
	for _, s := range Settings() {
		if !s.Secret {
			out = append(out, s.Name)
		}
		if s.FromFile {
			out = append(out, s.FileFlag())
		}
	}
	return out
}

// yamlText returns a value as it would stand in the environment: items of a list with commas between them.
func yamlText(n *yaml.Node) (string, bool) {
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "", true
		}
		return n.Value, true
	case yaml.SequenceNode:
		items := make([]string, len(n.Content))
		for i, c := range n.Content {
			if c.Kind != yaml.ScalarNode {
				return "", false
			}
			items[i] = c.Value
		}
		return strings.Join(items, ","), true
	}
	return "", false
}
