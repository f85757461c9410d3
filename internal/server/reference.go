package server

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed reference.html
var referenceHTML string

//go:embed reference.css
var referenceCSS string

// The reference page is made from the OpenAPI document at start; it needs no
// script and nothing from elsewhere.
type (
	referencePage struct {
		Title, Version string
		Style          template.CSS
		Tags           []referenceTag
	}
	referenceTag struct {
		Name       string
		Anchor     string
		Operations []referenceOperation
	}
	referenceOperation struct {
		ID, Method, Path, Summary string
		Description               string
		Open                      bool // needs no credential
		Parameters                []referenceField
		Request                   []referenceField
		Status                    string
		Answer                    []referenceField
	}
	referenceField struct {
		Name, Type, Doc string
		Required        bool
		Depth           int // of nesting in the body
	}
)

// renderReference returns the page and the policy that it is served under.
func renderReference(doc *huma.OpenAPI) (page []byte, csp string, err error) {
	t, err := template.New("reference").Parse(referenceHTML)
	if err != nil {
		return nil, "", err
	}
	p := referencePage{Title: doc.Info.Title, Version: doc.Info.Version, Style: template.CSS(referenceCSS)}
	for _, tag := range doc.Tags {
		p.Tags = append(p.Tags, referenceTag{Name: tag.Name, Anchor: strings.ReplaceAll(strings.ToLower(tag.Name), " ", "-")})
	}
	schemas := doc.Components.Schemas
	for path, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete, http.MethodPut: item.Put,
		} {
			if op == nil || len(op.Tags) == 0 {
				continue
			}
			at := slices.IndexFunc(p.Tags, func(t referenceTag) bool { return t.Name == op.Tags[0] })
			if at < 0 {
				return nil, "", fmt.Errorf("server: operation %s has the unknown tag %q", op.OperationID, op.Tags[0])
			}
			p.Tags[at].Operations = append(p.Tags[at].Operations, describe(op, method, path, schemas))
		}
	}
	for i := range p.Tags {
		slices.SortFunc(p.Tags[i].Operations, func(a, b referenceOperation) int {
			return strings.Compare(a.Path+methodOrder(a.Method), b.Path+methodOrder(b.Method))
		})
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256([]byte(referenceCSS))
	csp = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return b.Bytes(), csp, nil
}

func methodOrder(m string) string {
	return fmt.Sprint(slices.Index([]string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete}, m))
}

func describe(op *huma.Operation, method, path string, schemas huma.Registry) referenceOperation {
	r := referenceOperation{
		ID: op.OperationID, Method: method, Path: path, Summary: op.Summary, Description: op.Description,
		Open: op.Security != nil && len(op.Security) == 0,
	}
	for _, p := range op.Parameters {
		r.Parameters = append(r.Parameters, referenceField{Name: p.Name, Type: p.In + ", " + typeOf(p.Schema), Doc: docOf(p.Schema, p.Description), Required: p.Required})
	}
	if op.RequestBody != nil {
		r.Request = fieldsOf(op.RequestBody.Content["application/json"].Schema, schemas, 0)
	}
	for status, res := range op.Responses {
		if strings.HasPrefix(status, "2") {
			r.Status = status
			if media, ok := res.Content["application/json"]; ok {
				r.Answer = fieldsOf(media.Schema, schemas, 0)
			}
		}
	}
	return r
}

// fieldsOf lists a body's members, those of objects within it indented below theirs.
func fieldsOf(s *huma.Schema, schemas huma.Registry, depth int) []referenceField {
	s = resolve(s, schemas)
	if s == nil || depth > 3 {
		return nil
	}
	if s.Type == huma.TypeArray {
		return fieldsOf(s.Items, schemas, depth)
	}
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if ra, rb := slices.Contains(s.Required, a), slices.Contains(s.Required, b); ra != rb {
			if ra {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	var out []referenceField
	for _, name := range names {
		p := s.Properties[name]
		out = append(out, referenceField{Name: name, Type: typeOf(resolve(p, schemas)), Doc: docOf(p, p.Description), Required: slices.Contains(s.Required, name), Depth: depth})
		out = append(out, fieldsOf(p, schemas, depth+1)...)
	}
	return out
}

func resolve(s *huma.Schema, schemas huma.Registry) *huma.Schema {
	if s != nil && s.Ref != "" {
		return schemas.SchemaFromRef(s.Ref)
	}
	return s
}

func typeOf(s *huma.Schema) string {
	switch {
	case s == nil || s.Type == "":
		return "anything"
	case s.Type == huma.TypeArray:
		if s.Items != nil && s.Items.Type != "" {
			return "list of " + s.Items.Type
		}
		return "list"
	case s.Format == "date-time":
		return "time"
	}
	return s.Type
}

// docOf says what a field is for, and its limits, in words.
func docOf(s *huma.Schema, text string) string {
	var limits []string
	add := func(format string, args ...any) { limits = append(limits, fmt.Sprintf(format, args...)) }
	enum := s.Enum
	if s.Items != nil {
		enum = append(enum, s.Items.Enum...)
	}
	if len(enum) > 0 {
		words := make([]string, len(enum))
		for i, e := range enum {
			words[i] = fmt.Sprint(e)
		}
		add("%s", strings.Join(words, " | "))
	}
	if s.Minimum != nil && s.Maximum != nil {
		add("%.0f to %.0f", *s.Minimum, *s.Maximum)
	} else if s.Minimum != nil {
		add("at least %.0f", *s.Minimum)
	}
	if s.MinLength != nil && s.MaxLength != nil {
		add("%d to %d characters", *s.MinLength, *s.MaxLength)
	} else if s.MaxLength != nil {
		add("at most %d characters", *s.MaxLength)
	}
	if s.MaxItems != nil {
		add("at most %d", *s.MaxItems)
	}
	if s.Default != nil {
		d, _ := json.Marshal(s.Default)
		add("%s if left out", d)
	}
	if len(limits) == 0 {
		return text
	}
	if text != "" {
		text += ". "
	}
	return text + upperFirst(strings.Join(limits, "; "))
}
