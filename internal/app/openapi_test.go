package app_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// TestOpenAPIDocument gives the document to a public validator, and a broken
// one too, which it must refuse.
func TestOpenAPIDocument(t *testing.T) {
	h := open(t)
	_, _, text := h.send("GET", "/openapi.json", "")
	check := func(text string) (string, error) {
		cmd := exec.Command("node", "../../interop/openapi/check.mjs")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := check(text); err != nil {
		t.Errorf("%v (scripts/setup installs what this needs)\n%s", err, out)
	}
	if out, err := check(strings.Replace(text, `"operationId":`, `"operationID":`, 1)); err == nil || !strings.Contains(out, "operationID") {
		t.Errorf("the validator takes a document with a fault: %v\n%s", err, out)
	}

	doc := documentOf(t, h.url)
	ids := map[string]bool{}
	for path, item := range object(doc.raw, "paths") {
		for method, op := range item.(map[string]any) {
			o := object(op)
			id, _ := o["operationId"].(string)
			if ids[id] || id == "" || o["summary"] == "" || len(o["tags"].([]any)) != 1 {
				t.Errorf("%s %s: its id %q is missing or taken, or it has no summary or tag", method, path, id)
			}
			ids[id] = true
			for status := range object(o, "responses") {
				content := object(o, "responses", status, "content")
				if status >= "400" && content["application/problem+json"] == nil && status != "default" {
					b, _ := json.Marshal(content)
					t.Errorf("%s: %s isn't a problem: %s", id, status, b)
				}
			}
		}
	}
}
