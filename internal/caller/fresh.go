package caller

import (
	"context"
	"errors"
	"sync"
	"time"
)

// How old an answer of a store may be. An answer is as old as its question, so
// after Remembered and askWithin, two seconds, every change is in force.
const (
	// Remembered is how long what a store said counts. A store that keeps its
	// answers in memory and up to date by itself needs none: 0.
	Remembered = 500 * time.Millisecond
	askWithin  = 1500 * time.Millisecond
	mostKept   = 10_000 // twice as many at the worst
)

// fresh remembers what a store said, for a short time and for a bounded number
// of keys. Who asks for what is being asked already waits for that answer.
type fresh[K comparable, V any] struct {
	ask  func(ctx context.Context, key K) (V, error)
	life time.Duration // at most Remembered; 0 asks each time
	now  func() time.Time

	mu         sync.Mutex
	young, old map[K]said[V] // young becomes old when it is full
	asking     map[K]*question[V]
}

type said[V any] struct {
	value V
	asked time.Time
}

type question[V any] struct {
	done  chan struct{}
	value V
	err   error
}

func newFresh[K comparable, V any](life time.Duration, now func() time.Time, ask func(context.Context, K) (V, error)) *fresh[K, V] {
	return &fresh[K, V]{ask: ask, life: min(life, Remembered), now: now, young: map[K]said[V]{}, asking: map[K]*question[V]{}}
}

// get returns what the store says of key, or said a moment ago.
func (f *fresh[K, V]) get(ctx context.Context, key K) (V, error) {
	if f.life <= 0 {
		return f.ask(ctx, key)
	}
	now := f.now()
	f.mu.Lock()
	e, ok := f.young[key]
	if !ok {
		e, ok = f.old[key]
	}
	if ok && now.Sub(e.asked) < f.life && !now.Before(e.asked) {
		f.mu.Unlock()
		return e.value, nil
	}
	q, others := f.asking[key]
	if !others {
		q = &question[V]{done: make(chan struct{})}
		f.asking[key] = q
	}
	f.mu.Unlock()
	if !others {
		f.answer(ctx, key, q, now)
		return q.value, q.err
	}
	select {
	case <-q.done:
		return q.value, q.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// answer asks the store. That the first to ask has gone away doesn't concern the others.
func (f *fresh[K, V]) answer(ctx context.Context, key K, q *question[V], now time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askWithin)
	defer cancel()
	q.err = errors.New("asking the store: it panicked") // until it hasn't
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.asking, key)
		if q.err == nil {
			if len(f.young) >= mostKept {
				f.old, f.young = f.young, make(map[K]said[V], len(f.young))
			}
			f.young[key] = said[V]{q.value, now}
		}
		close(q.done)
	}()
	q.value, q.err = f.ask(ctx, key)
}
