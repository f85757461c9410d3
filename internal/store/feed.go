package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Kind says what changed.
type Kind string

const (
	KindSession Kind = "session"
	KindKey     Kind = "key"
	KindInvite  Kind = "invite"
	KindBan     Kind = "ban"
	// KindAll says that anything may have changed: the feed was lost for longer than it is kept.
	KindAll Kind = ""
)

// A Change says that something was created, changed or removed.
type Change struct {
	Kind Kind
	// ID of what changed.
	ID string
	// Name is what caches know it by: the session's folded name, the key's hash in
	// hex, the ban's subject.
	Name string
}

// changesKept is how long a change stays in the feed. Whoever was away for
// longer is told KindAll.
const changesKept = 15 * time.Minute

// feed reads the changes that other processes wrote. It polls: that costs two
// reads of an index a second, works through every pooler, and needs no care
// when the database goes away and comes back.
type feed struct {
	mu        sync.Mutex
	listeners map[int]func(Change)
	next      int
	end       context.CancelFunc
	ended     chan struct{}
	// readAt is when the last successful reading began, in nanoseconds of the
	// process's clock; 0 for never.
	readAt atomic.Int64
}

var processStart = time.Now()

// Subscribe calls fn for each change: for those made through this Store before
// the method that makes them returns, for those of other processes within the
// polling time. fn may be called by several goroutines at once and more than
// once for a change; it must be quick. Subscribe returns once nothing can be
// missed any more. cancel ends it.
func (s *Store) Subscribe(ctx context.Context, fn func(Change)) (cancel func(), err error) {
	f := &s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listeners == nil {
		var last int64
		if err := s.queryRow(ctx, "SELECT last FROM changes_made").Scan(&last); err != nil {
			return nil, s.fault(err)
		}
		f.listeners = map[int]func(Change){}
		f.readAt.Store(int64(time.Since(processStart)) + 1)
		var running context.Context
		running, f.end = context.WithCancel(context.Background())
		f.ended = make(chan struct{})
		go s.follow(running, last)
	}
	id := f.next
	f.next++
	f.listeners[id] = fn
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.listeners, id)
	}, nil
}

// Current reports whether changes made more than age ago have been told: it is
// false while the database can't be reached, and before the first Subscribe.
func (s *Store) Current(age time.Duration) bool {
	at := s.feed.readAt.Load()
	return at != 0 && time.Since(processStart)-time.Duration(at) < age
}

func (f *feed) tell(c Change) {
	f.mu.Lock()
	fns := make([]func(Change), 0, len(f.listeners))
	for _, fn := range f.listeners {
		fns = append(fns, fn)
	}
	f.mu.Unlock()
	for _, fn := range fns {
		fn(c)
	}
}

func (f *feed) stop() {
	f.mu.Lock()
	end, ended := f.end, f.ended
	f.mu.Unlock()
	if end != nil {
		end()
		<-ended
	}
}

// follow reads the feed on from the change with the id last until ctx ends.
func (s *Store) follow(ctx context.Context, last int64) {
	defer close(s.feed.ended)
	tick := time.NewTicker(s.opts.Poll)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		began := time.Since(processStart)
		next, err := s.readChanges(ctx, last)
		if err != nil {
			if !failing && ctx.Err() == nil {
				s.opts.Log.Warn("the feed of changes can't be read; trying on", "error", err)
			}
			failing = true
			continue
		}
		failing = false
		last = next
		s.feed.readAt.Store(int64(began))
	}
}

// readChanges tells all changes after last and returns the id of the newest.
func (s *Store) readChanges(ctx context.Context, last int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for {
		const page = 1000
		var got []Change
		first, at := int64(0), last
		err := s.queryAll(ctx, "SELECT id, kind, ref, name FROM changes WHERE id > ? ORDER BY id LIMIT 1000", []any{last}, func(row scanner) error {
			var c Change
			if err := row.Scan(&at, &c.Kind, &c.ID, &c.Name); err != nil {
				return err
			}
			if first == 0 {
				first = at
			}
			got = append(got, c)
			return nil
		})
		if err != nil {
			return last, err
		}
		if first > last+1 { // those between are gone
			s.feed.tell(Change{Kind: KindAll})
		}
		for _, c := range got {
			s.feed.tell(c)
		}
		if last = at; len(got) < page {
			return last, nil
		}
	}
}

// changed notes a change that the transaction makes.
func (t *tx) changed(kind Kind, id, name string) {
	t.changes = append(t.changes, Change{Kind: kind, ID: id, Name: name})
}

func (t *tx) writeChanges(ctx context.Context) error {
	if len(t.changes) == 0 {
		return nil
	}
	var last int64
	err := t.queryRow(ctx, "UPDATE changes_made SET last = last + ? WHERE one = 1 RETURNING last", len(t.changes)).Scan(&last)
	if err != nil {
		return err
	}
	now := t.s.now()
	for i, c := range t.changes {
		id := last - int64(len(t.changes)-1-i)
		if _, err := t.exec(ctx, "INSERT INTO changes (id, kind, ref, name, at) VALUES (?, ?, ?, ?, ?)",
			id, string(c.Kind), c.ID, c.Name, micros(now)); err != nil {
			return err
		}
	}
	if last%64 < int64(len(t.changes)) { // now and then, so that the table stays small
		_, err = t.exec(ctx, "DELETE FROM changes WHERE at < ?", micros(now.Add(-changesKept)))
	}
	return err
}
