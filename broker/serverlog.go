package broker

import (
	"fmt"
	"log/slog"
	"sync"
)

// serverLogger passes what the embedded server says to slog. Notices are the
// server's small talk, so they are debug messages here. A fatal error is kept:
// the server's own logger would end the process.
type serverLogger struct {
	to    *slog.Logger
	mu    sync.Mutex
	worst string
}

func (l *serverLogger) Noticef(format string, v ...any) { l.to.Debug(l.text(format, v)) }
func (l *serverLogger) Debugf(format string, v ...any)  { l.to.Debug(l.text(format, v)) }
func (l *serverLogger) Tracef(format string, v ...any)  { l.to.Debug(l.text(format, v)) }
func (l *serverLogger) Warnf(format string, v ...any)   { l.to.Warn(l.text(format, v)) }
func (l *serverLogger) Errorf(format string, v ...any)  { l.to.Error(l.text(format, v)) }

func (l *serverLogger) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.worst == "" {
		l.worst = fmt.Sprintf(format, v...)
	}
	l.to.Error(l.text(format, v))
}

func (l *serverLogger) fatal() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.worst
}

func (l *serverLogger) text(format string, v []any) string {
	return "nats-server: " + fmt.Sprintf(format, v...)
}
