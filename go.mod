module github.com/usher-sessions/usher

go 1.26
