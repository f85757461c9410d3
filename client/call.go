package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/usher-sessions/usher/api"
)

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 16 << 20

// call sends op with in, whose fields travel where their tags say, and reads the answer.
func call[In, Out any](ctx context.Context, c *Client, op api.Operation[In, Out], in *In) (*Out, error) {
	out := new(Out)
	req, err := c.request(ctx, op.Method, op.Path, reflect.ValueOf(in).Elem())
	if err != nil {
		return out, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return out, fmt.Errorf("client: %s: %w", op.ID, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return out, fmt.Errorf("client: %s: reading the answer: %w", op.ID, err)
	case len(body) > maxAnswer:
		return out, fmt.Errorf("client: %s: the answer is longer than %d bytes", op.ID, maxAnswer)
	case res.StatusCode >= 300:
		return out, problem(res, body)
	}
	target := reflect.ValueOf(out).Elem().FieldByName("Body")
	if !target.IsValid() {
		return out, nil
	}
	if err := json.Unmarshal(body, target.Addr().Interface()); err != nil {
		return out, fmt.Errorf("client: %s: the answer is not the JSON that was expected: %w", op.ID, err)
	}
	return out, nil
}

// problem reads a refusal; what isn't one, a proxy's page for example, becomes one with its status.
func problem(res *http.Response, body []byte) error {
	p := &api.Problem{}
	if json.Unmarshal(body, p) != nil || p.Title == "" {
		p = &api.Problem{Title: "The server answered " + res.Status, Code: "unexpected_answer"}
	}
	p.Status = res.StatusCode
	return p
}

func (c *Client) request(ctx context.Context, method, path string, in reflect.Value) (*http.Request, error) {
	query, header := url.Values{}, http.Header{}
	var body io.Reader
	var visit func(v reflect.Value) error
	visit = func(v reflect.Value) error {
		for i := range v.NumField() {
			f, value := v.Type().Field(i), v.Field(i)
			switch {
			case f.Anonymous:
				if err := visit(value); err != nil {
					return err
				}
			case f.Name == "Body":
				b, err := json.Marshal(value.Interface())
				if err != nil {
					return fmt.Errorf("client: %w", err)
				}
				body = bytes.NewReader(b)
			case f.Tag.Get("path") != "":
				path = strings.ReplaceAll(path, "{"+f.Tag.Get("path")+"}", url.PathEscape(text(value)))
			case value.IsZero():
			case f.Tag.Get("query") != "":
				query.Set(f.Tag.Get("query"), text(value))
			case f.Tag.Get("header") != "":
				header.Set(f.Tag.Get("header"), text(value))
			}
		}
		return nil
	}
	if err := visit(in); err != nil {
		return nil, err
	}
	address := c.base.String() + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	req.Header = header
	if body != nil {
		header.Set("Content-Type", "application/json")
	}
	if c.token != "" && header.Get("Authorization") == "" { // a ticket goes before the key
		header.Set("Authorization", "Bearer "+c.token)
	}
	return req, nil
}

func text(v reflect.Value) string {
	if t, ok := v.Interface().(time.Time); ok {
		return t.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprint(v.Interface())
}
