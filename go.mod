module github.com/usher-sessions/usher

go 1.26.0

require (
	github.com/cedar-policy/cedar-go v1.9.0 // indirect
	github.com/go-json-experiment/json v1.27.2 // indirect
	golang.org/x/exp v0.0.0-20220921023135-46d9e7742f1e // indirect
	pgregory.net/rapid v1.3.0 // indirect
)
