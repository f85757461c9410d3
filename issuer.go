package usher

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/usher-sessions/usher/videosdk"
)

// Wish is the role that a request asks for.
type Wish string

const (
	WishParticipant Wish = "participant"
	WishHost        Wish = "host"
	// WishBest is host where the policy permits it, else participant.
	WishBest Wish = "best"
)

// A Request asks for one signature. Grant holds what is asked for, except that
// Grant.Role is set by the decision on Wish. What the directory knows of the
// session takes the place of what the grant says.
type Request struct {
	Grant videosdk.Grant
	Wish  Wish // "" is participant
	// ID ties log, ledger and answer together.
	ID string
}

// Issued is a signature and what it says.
type Issued struct {
	Signature   string
	SessionName string
	Role        videosdk.Role
	UserKey     string
	SessionKey  string
	IssuedAt    time.Time
	ExpiresAt   time.Time
	// Passcode is the session's, for the join that follows; "" if it has none or the caller gave it.
	Passcode string
	// Rules are the names of the rules that permitted it.
	Rules []string
}

// A Directory knows the sessions that have settings of their own.
type Directory interface {
	// Session returns the session of that name, compared by [FoldName], or nil
	// if the directory has none.
	Session(ctx context.Context, name string) (*Session, error)
}

// Config is what an [Issuer] is made of. Credentials and Policy are required.
type Config struct {
	Credentials videosdk.Credentials
	Options     []videosdk.SignerOption
	Policy      Policy
	// Directory is nil where no session has settings.
	Directory Directory
	// Banned reports why nothing is signed for the caller or the user key, "" if
	// something is; nil bans nobody.
	Banned func(ctx context.Context, c *Caller, userKey string) (reason string, err error)
	// Guess is asked before a passcode is compared, since whoever gives one may be
	// guessing; it may refuse, and is told if the passcode was right. Nil lets
	// everybody guess.
	Guess func(c *Caller, session string) (right func(), err error)
	// Ledger is nil where no record is kept.
	Ledger Ledger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// An Issuer is the one way to a signature. It is safe for use by many
// goroutines at once.
type Issuer struct {
	cfg    Config
	signer *videosdk.Signer
}

// NewIssuer returns an Issuer, or an error that names what is wrong with cfg.
func NewIssuer(cfg Config) (*Issuer, error) {
	signer, err := videosdk.NewSigner(cfg.Credentials, cfg.Options...)
	if err != nil {
		return nil, err
	}
	if cfg.Policy == nil {
		return nil, errors.New("usher: Config.Policy is required; usher.PermitAll leaves the decision to the callers")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Credentials = videosdk.Credentials{} // the signer has what it needs; nothing else shall hold the secret
	return &Issuer{cfg: cfg, signer: signer}, nil
}

// Issue decides whether caller may have the signature that req asks for, signs
// it, records it and returns it. An error is either videosdk.FieldErrors, all
// faults of the request at once, or an *[Error]. No signature is returned that
// the ledger hasn't recorded; refusals are recorded too.
func (i *Issuer) Issue(ctx context.Context, caller *Caller, req *Request) (*Issued, error) {
	now := i.cfg.Now()
	grant := req.Grant
	if caller.UserKey != "" && grant.UserKey == "" {
		grant.UserKey = caller.UserKey
	}
	if req.Wish == WishHost || req.Wish == WishBest {
		grant.Role = videosdk.Host
	}
	if err := i.check(grant); err != nil {
		return nil, err
	}
	session, err := i.session(ctx, grant.SessionName)
	if err != nil {
		return nil, err
	}
	grant.SessionName = session.Name // as the directory writes it, in the ledger's refusals too
	decision, err := i.decide(ctx, caller, session, &grant, req.Wish, now)
	if err != nil {
		return nil, i.refuse(ctx, caller, req, &grant, now, err)
	}
	given := grant.Passcode
	settle(&grant, session, now)
	signature, err := i.signer.Sign(grant, now)
	if err != nil {
		return nil, err
	}
	issued := &Issued{
		Signature: signature, SessionName: grant.SessionName, Role: grant.Role,
		UserKey: grant.UserKey, SessionKey: grant.SessionKey, Rules: decision.Rules,
	}
	issued.IssuedAt, issued.ExpiresAt = i.signer.Validity(now, grant.Life)
	if given == "" {
		issued.Passcode = session.Passcode
	}
	if err := i.record(ctx, caller, req, issued, now); err != nil {
		return nil, err
	}
	return issued, nil
}

// Check reports every fault of req as videosdk.FieldErrors, or nil if its
// signature could be made. It decides and records nothing.
func (i *Issuer) Check(req *Request) error {
	grant := req.Grant
	if req.Wish == WishHost || req.Wish == WishBest {
		grant.Role = videosdk.Host
	}
	return i.check(grant)
}

// check reports every fault of g. Beyond what a signature may hold it refuses
// names with white space around them: nobody documents whether Zoom takes
// "Cool Cars " for "Cool Cars", and if it does, such a name would lead past all
// that directory and policy say of that session.
func (i *Issuer) check(g videosdk.Grant) error {
	err := i.signer.Check(g)
	if strings.TrimSpace(g.SessionName) == g.SessionName {
		return err
	}
	var faults videosdk.FieldErrors
	errors.As(err, &faults)
	return append(faults, &videosdk.FieldError{Field: "sessionName", Reason: "has white space at its beginning or end; leave that out, here and in join"})
}

func (i *Issuer) session(ctx context.Context, name string) (*Session, error) {
	if i.cfg.Directory != nil {
		s, err := i.cfg.Directory.Session(ctx, name)
		if err != nil {
			return nil, Unavailable("The directory of sessions", err)
		}
		if s != nil {
			return s, nil
		}
	}
	return &Session{Name: name, State: StateOpen}, nil
}

// decide finds the role that the caller gets, or the *[Error] that refuses it.
// It sets grant.Role. The order is that in which a refusal helps most and tells
// least: who you are, what you may, and only then the session's state.
func (i *Issuer) decide(ctx context.Context, caller *Caller, s *Session, grant *videosdk.Grant, wish Wish, now time.Time) (Decision, error) {
	if caller.Kind == "" {
		return Decision{}, &Error{Code: CodeUnauthenticated, Message: "Nobody is signed in; send an API key, an ID token or an invite."}
	}
	if caller.UserKey == "" && (caller.Kind == KindUser || caller.Kind == KindGuest) {
		// Such a caller speaks for itself alone; without a key of its own it could take anybody's.
		return Decision{}, &Error{Code: CodeUnauthenticated, Message: "The sign-in names no user; its user key is missing."}
	}
	if caller.UserKey != "" && grant.UserKey != caller.UserKey {
		return Decision{}, &Error{Code: CodeUserKey, Message: "The user key in the request is not your own; leave it out."}
	}
	if i.cfg.Banned != nil {
		reason, err := i.cfg.Banned(ctx, caller, grant.UserKey)
		if err != nil {
			return Decision{}, Unavailable("The list of bans", err)
		}
		if reason != "" {
			return Decision{}, &Error{Code: CodeBanned, Message: "Nothing is signed for this caller or user any more: " + reason}
		}
	}
	decision, err := i.decideRole(caller, s, grant, wish, now)
	if err != nil {
		return Decision{}, err
	}
	if err := admits(s, grant.Role, now); err != nil {
		return Decision{}, err
	}
	if err := i.passcode(s, caller, grant.Passcode); err != nil {
		return Decision{}, err
	}
	return decision, nil
}

// decideRole asks the policy for the wished role, or for the best there is.
func (i *Issuer) decideRole(caller *Caller, s *Session, grant *videosdk.Grant, wish Wish, now time.Time) (Decision, error) {
	ask := func(a Action, role videosdk.Role) (Decision, bool) {
		if !caller.Scope.Covers(a, s.Name) {
			return Decision{}, false
		}
		q := Question{Caller: caller, Action: a, Session: s, Now: now, UserKey: grant.UserKey, Life: lifeOf(s, grant, now), Features: featuresOf(s, grant, role)}
		d := i.cfg.Policy.Decide(&q)
		if d.Allowed {
			grant.Role = role
		}
		return d, d.Allowed
	}
	var host Decision
	if wish == WishHost || wish == WishBest {
		var ok bool
		if host, ok = ask(ActionHost, videosdk.Host); ok {
			return host, nil
		}
	}
	join, ok := ask(ActionJoin, videosdk.Participant)
	switch {
	case ok && wish == WishHost:
		return Decision{}, &Error{Code: CodeHostDenied, Rules: host.Rules,
			Message: "You may join this session but not host it; ask for role 0 (participant), or for \"best\"."}
	case ok:
		return join, nil
	case !caller.Scope.Covers(ActionJoin, s.Name) && (wish != WishHost && wish != WishBest || !caller.Scope.Covers(ActionHost, s.Name)):
		return Decision{}, &Error{Code: CodeScope, Message: "This key or invite is not made for this session or role."}
	}
	return Decision{}, &Error{Code: CodeDenied, Rules: append(host.Rules, join.Rules...), Message: "No rule lets you into this session."}
}

// admits returns why the session lets nobody of that role in now, or nil.
func admits(s *Session, role videosdk.Role, now time.Time) error {
	switch {
	case s.State == StateEnded:
		return &Error{Code: CodeEnded, Message: "The session has ended."}
	case s.State != StateOpen && s.State != StateLocked:
		return &Error{Code: CodeClosed, Message: "The session is in no state to let anybody in."}
	case !s.NotBefore.IsZero() && now.Before(s.NotBefore):
		return &Error{Code: CodeNotOpenYet, RetryAfter: s.NotBefore.Sub(now),
			Message: "The session opens at " + s.NotBefore.UTC().Format(time.RFC3339) + "."}
	case !s.NotAfter.IsZero() && !now.Before(s.NotAfter):
		return &Error{Code: CodeClosed, Message: "The session closed at " + s.NotAfter.UTC().Format(time.RFC3339) + "."}
	case s.State == StateLocked && role != videosdk.Host:
		return &Error{Code: CodeLocked, Message: "The session is locked; only its hosts may enter."}
	}
	return nil
}

// passcode returns the refusal of a missing or wrong passcode. A wrong one is
// refused from everybody, needed or not: it is a guess or a mistake.
func (i *Issuer) passcode(s *Session, c *Caller, given string) error {
	refusal := &Error{Code: CodePasscode, Message: "The session's passcode is missing or wrong."}
	switch {
	case s.Passcode == "":
		return nil
	case given == "" && s.NeedsPasscode(c):
		return refusal
	case given == "":
		return nil
	}
	right := func() {}
	if i.cfg.Guess != nil {
		var err error
		if right, err = i.cfg.Guess(c, FoldName(s.Name)); err != nil {
			return err
		}
	}
	want, got := sha256.Sum256([]byte(s.Passcode)), sha256.Sum256([]byte(given))
	if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
		return refusal
	}
	right()
	return nil
}

func lifeOf(s *Session, g *videosdk.Grant, now time.Time) time.Duration {
	life := s.Life
	if life == 0 {
		life = g.Life
	}
	if life == 0 {
		life = videosdk.DefaultLife
	}
	if !s.NotAfter.IsZero() { // as far as Zoom's shortest life allows, no signature outlives the window
		life = max(videosdk.MinLife, min(life, s.NotAfter.Sub(now).Truncate(time.Second)))
	}
	return life
}

// featuresOf names those features that may cost money of a signature for that role.
func featuresOf(s *Session, g *videosdk.Grant, role videosdk.Role) []string {
	option, election, transcript := g.CloudRecordingOption, g.CloudRecordingElection, g.CloudRecordingTranscriptOption
	if s.Listed() {
		option, election, transcript = s.CloudRecordingOption, s.CloudRecordingElection, s.CloudRecordingTranscriptOption
	}
	var out []string
	if option != nil && role == videosdk.Host { // a participant's signature never carries it, see settle
		out = append(out, "recording")
	}
	if election != nil && *election != 0 {
		out = append(out, "recording-election")
	}
	if transcript != nil && *transcript > 0 {
		out = append(out, "transcript")
		if *transcript > 1 {
			out = append(out, "summary")
		}
	}
	return out
}

// settle puts what the directory knows in the place of what the client said.
func settle(g *videosdk.Grant, s *Session, now time.Time) {
	if g.Role != videosdk.Host { // Zoom takes this option from hosts alone
		g.CloudRecordingOption = nil
	}
	if !s.Listed() {
		return
	}
	g.SessionName, g.SessionKey, g.Passcode = s.Name, s.SessionKey, s.Passcode
	g.Life = lifeOf(s, g, now)
	g.GeoRegions = s.GeoRegions
	g.CloudRecordingElection = s.CloudRecordingElection
	g.CloudRecordingTranscriptOption = s.CloudRecordingTranscriptOption
	if g.Role == videosdk.Host {
		g.CloudRecordingOption = s.CloudRecordingOption
	}
}

// record writes the row for an issued signature.
func (i *Issuer) record(ctx context.Context, c *Caller, req *Request, is *Issued, now time.Time) error {
	if i.cfg.Ledger == nil {
		return nil
	}
	sum := sha256.Sum256([]byte(is.Signature))
	e := entry(EventSigned, c, req, now)
	e.Session, e.UserKey, e.Role = is.SessionName, is.UserKey, is.Role.String()
	e.Decision, e.Rules = Allowed, is.Rules
	e.Expires, e.SignatureSHA256 = is.ExpiresAt, hex.EncodeToString(sum[:])
	if err := i.cfg.Ledger.Record(ctx, e); err != nil {
		return Unavailable("The ledger", fmt.Errorf("recording a signature: %w", err))
	}
	return nil
}

// refuse writes the row for a refusal and returns the refusal. If the row
// can't be written the caller is told that instead: what isn't on record wasn't decided.
func (i *Issuer) refuse(ctx context.Context, c *Caller, req *Request, g *videosdk.Grant, now time.Time, refusal error) error {
	var r *Error
	if i.cfg.Ledger == nil || !errors.As(refusal, &r) || r.Code == CodeUnavailable {
		return refusal
	}
	e := entry(EventRefused, c, req, now)
	e.Session, e.UserKey, e.Role = g.SessionName, g.UserKey, string(req.Wish)
	e.Decision, e.Rules, e.Reason = Denied, r.Rules, string(r.Code)
	if err := i.cfg.Ledger.Record(ctx, e); err != nil {
		return Unavailable("The ledger", fmt.Errorf("recording a refusal: %w", err))
	}
	return refusal
}

func entry(event Event, c *Caller, req *Request, now time.Time) *Entry {
	e := &Entry{Time: now, Event: event, Caller: c.String(), RequestID: req.ID}
	if c.Addr.IsValid() {
		e.Address = c.Addr.String()
	}
	return e
}
