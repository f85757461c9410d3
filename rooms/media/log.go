package media

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/livekit/protocol/logger"
	"github.com/livekit/protocol/logger/zaputil"
)

// LiveKit logs through one variable of its package, so there is one log for all
// servers of a process: that of the last that was started.
var (
	sink    atomic.Pointer[slog.Logger]
	setOnce sync.Once
)

func logTo(log *slog.Logger) {
	sink.Store(log)
	setOnce.Do(func() { logger.SetLogger(bridge{}, "livekit") })
}

// bridge is LiveKit's logger, writing to sink what is a warning or worse.
type bridge struct {
	name string
	with []any
}

var _ logger.Logger = bridge{}

// inToken matches the three parts of a token, which LiveKit puts into what it says of refused ones.
var inToken = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`)

func (b bridge) write(level slog.Level, msg string, err error, keysAndValues []any) {
	log := sink.Load()
	if log == nil || !log.Enabled(context.Background(), level) {
		return
	}
	args := make([]any, 0, len(b.with)+len(keysAndValues)+2)
	for _, kv := range [][]any{b.with, keysAndValues} {
		for i := 0; i+1 < len(kv); i += 2 {
			args = append(args, kv[i], clean(kv[i+1]))
		}
	}
	if err != nil {
		args = append(args, "error", clean(err))
	}
	log.Log(context.Background(), level, "livekit: "+clean(msg), args...)
}

// clean returns v as text without tokens.
func clean(v any) string {
	return inToken.ReplaceAllString(fmt.Sprint(v), "(token)")
}

func (b bridge) Debugw(string, ...any) {}
func (b bridge) Infow(string, ...any)  {}

// everyday are warnings that every closed tab brings with it.
var everyday = map[string]bool{"error reading data channel": true, "error writing to websocket": true}

func (b bridge) Warnw(msg string, err error, keysAndValues ...any) {
	// The layers of WebRTC, too, warn of what is nothing but a lost packet.
	if !everyday[msg] && !strings.Contains(b.name, "pion") {
		b.write(slog.LevelWarn, msg, err, keysAndValues)
	}
}

func (b bridge) Errorw(msg string, err error, keysAndValues ...any) {
	if strings.HasPrefix(msg, "Incoming unhandled RTP") { // the last packets of who was thrown out
		return
	}
	b.write(slog.LevelError, msg, err, keysAndValues)
}

func (b bridge) WithValues(keysAndValues ...any) logger.Logger {
	b.with = append(b.with[:len(b.with):len(b.with)], keysAndValues...)
	return b
}

func (b bridge) WithUnlikelyValues(keysAndValues ...any) logger.UnlikelyLogger {
	return logger.NewUnlikelyLogger(b, keysAndValues...)
}

func (b bridge) WithName(name string) logger.Logger {
	b.name += "." + name
	return b
}

func (b bridge) WithComponent(component string) logger.Logger { return b.WithName(component) }
func (b bridge) WithCallDepth(int) logger.Logger              { return b }
func (b bridge) WithItemSampler() logger.Logger               { return b }
func (b bridge) WithoutSampler() logger.Logger                { return b }

func (b bridge) WithDeferredValues() (logger.Logger, logger.DeferredFieldResolver) {
	return b, zaputil.NoOpDeferrer{}
}
