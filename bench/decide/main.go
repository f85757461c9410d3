// Command decide asks a policy as often as each line of its input says, and
// answers each with how long that took by its own clock. It is a process of its
// own so that Cedar's tree burdens nobody else's garbage collector.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/policy"
)

func main() {
	more := flag.Int("rules", 100, "rules besides the default policy's")
	flag.Parse()
	engine, err := policy.FromSources(policy.Config{},
		policy.Source{Name: policy.DefaultName, Text: policy.Default()}, policy.Source{Name: "more.cedar", Text: rules(*more)})
	if err != nil {
		log.Fatal(err)
	}
	// A pupil of eight groups joins a class of thirty: a question that every one
	// of the rules has a say in, and that all of them leave to the default policy.
	caller := &usher.Caller{Kind: usher.KindUser, ID: "pupil-29", UserKey: "pupil-29", Name: "Ada"}
	for i := range 8 {
		caller.Groups = append(caller.Groups, fmt.Sprintf("course-%d", i))
	}
	class := &usher.Session{ID: "1", Name: "Class 7", State: usher.StateOpen, Admit: usher.AdmitListed, Owner: "teacher", Hosts: []string{"aide"}}
	for i := range 30 {
		class.People = append(class.People, fmt.Sprintf("pupil-%d", i))
	}
	question := usher.Question{Caller: caller, Action: usher.ActionJoin, Session: class, UserKey: caller.UserKey, Now: time.Now(), Life: 2 * time.Hour}

	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for in.More() {
		var ask struct{ N int }
		if err := in.Decode(&ask); err != nil {
			log.Fatal(err)
		}
		runtime.GC()
		begun := time.Now()
		for range ask.N {
			if !engine.Decide(&question).Allowed {
				log.Fatal("the policy refuses what its rule \"people\" permits")
			}
		}
		took := time.Since(begun)
		if err := out.Encode(map[string]any{"token": "allowed", "nanoseconds": took.Nanoseconds()}); err != nil {
			log.Fatal(err)
		}
	}
}

// rules writes n rules for users, of the four kinds that operators write most.
func rules(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "@id(\"rule-%d\") ", i)
		switch i % 4 {
		case 0:
			fmt.Fprintf(&b, "permit (principal is User, action == Action::\"join\", resource) when { resource.name like \"team-%d-*\" };\n", i)
		case 1:
			fmt.Fprintf(&b, "permit (principal in Group::\"staff-%d\", action in [Action::\"join\", Action::\"host\"], resource);\n", i)
		case 2:
			fmt.Fprintf(&b, "forbid (principal is User, action, resource) when { context.life > %d && resource.locked };\n", 86400+i)
		case 3:
			fmt.Fprintf(&b, "forbid (principal is User, action == Action::\"join\", resource) when { context has address && context.address.isInRange(ip(\"10.%d.0.0/16\")) };\n", i%256)
		}
	}
	return b.String()
}
