package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	livekit "github.com/livekit/livekit-server/pkg/config"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"

	"github.com/usher-sessions/usher/internal/config"
)

const deployed = "../../deploy/rooms/"

// asked are what deploy/rooms/compose.yaml takes from .env.
var asked = []string{
	"USHER_HOST=usher.example.com", "LIVEKIT_HOST=livekit.example.com",
	"ZOOM_VIDEO_SDK_KEY=" + sdkKey, "ZOOM_VIDEO_SDK_SECRET=" + sdkSecret, "USHER_API_KEYS=" + apiKey, "USHER_STORAGE_KEY=" + storageKey,
	"POSTGRES_PASSWORD=postgres-password", "REDIS_PASSWORD=redis-password", "LIVEKIT_API_SECRET=" + livekitSecret,
}

// composed reads compose.yaml as docker compose does.
func composed(t *testing.T, env []string) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{deployed + "compose.yaml"}, cli.WithEnv(env), cli.WithName("rooms"))
	if err != nil {
		t.Fatal(err)
	}
	return options.LoadProject(t.Context())
}

// usherReads checks names and values as usher-rooms serve does, and returns what it takes them for.
func usherReads(t *testing.T, file string, environ map[string]string) *config.Config {
	t.Helper()
	const scope = config.ForSigning | config.ForServing | config.ForPublic | config.ForStorage | config.ForPolicy | config.ForRooms
	known := map[string]bool{}
	for _, s := range config.For(scope) {
		known[s.Env] = true
	}
	var env []string
	for name, value := range environ {
		if !known[name] {
			t.Errorf("%s sets %s, which usher-rooms serve doesn't read", file, name)
		}
		env = append(env, name+"="+value)
	}
	cfg, err := config.Load(config.Sources{Scope: scope, Need: config.CredentialsRequired, Environ: env, Dir: t.TempDir()})
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return cfg
}

// livekitReads checks a configuration as LiveKit does.
func livekitReads(t *testing.T, file, body string) *livekit.Config {
	t.Helper()
	// Else it asks a STUN server where it is.
	cfg, err := livekit.NewConfig(strings.Replace(body, "use_external_ip: true", "use_external_ip: false", 1), true, nil, nil)
	if err != nil {
		t.Fatalf("%s: LiveKit's configuration: %v", file, err)
	}
	if !strings.Contains(body, "use_external_ip: true") {
		t.Errorf("%s: LiveKit tells clients an address that they can't reach", file)
	}
	return cfg
}

// hooks checks that LiveKit tells Usher what happens, signed with the key that Usher knows.
func hooks(t *testing.T, file string, cfg *livekit.Config, keys string, usher *config.Config) {
	t.Helper()
	if want := fmt.Sprintf("http://usher:%d/v1/livekit/webhook", usher.Port); !slices.Equal(cfg.WebHook.URLs, []string{want}) {
		t.Errorf("%s: LiveKit's webhooks go to %v, want %s", file, cfg.WebHook.URLs, want)
	}
	if cfg.WebHook.APIKey != usher.LiveKit.Key || keys != usher.LiveKit.Key+": "+usher.LiveKit.Secret {
		t.Errorf("%s: LiveKit and Usher have different keys", file)
	}
}

func runs(t *testing.T, file string, command []string) {
	t.Helper()
	if len(command) == 0 {
		t.Errorf("%s gives no command", file)
	}
	if out, err := exec.Command(binary, append(slices.Clone(command), "--help")...).CombinedOutput(); err != nil {
		t.Errorf("%s runs usher-rooms %v: %v\n%s", file, command, err, out)
	}
}

func TestCompose(t *testing.T) {
	const file = "compose.yaml"
	p, err := composed(t, asked)
	if err != nil {
		t.Fatal(err)
	}
	for _, missing := range asked {
		name, _, _ := strings.Cut(missing, "=")
		rest := slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return s == missing })
		if _, err := composed(t, rest); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s starts without %s: %v", file, name, err)
		}
	}

	var instances []string
	var usher *config.Config
	for _, name := range []string{"usher-1", "usher-2"} {
		s := p.Services[name]
		usher = usherReads(t, file, plain(s.Environment))
		runs(t, file, s.Command)
		instances = append(instances, usher.Instance)
		if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if !slices.Contains(s.Networks["default"].Aliases, "usher") {
			t.Errorf("%s: %s isn't known as usher, where LiveKit's webhooks go", file, name)
		}
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) {
			t.Errorf("%s: %s may do more than it must", file, name)
		}
	}
	if instances[0] == instances[1] || instances[0] == "" {
		t.Errorf("%s: the replicas' chains in the ledger have the names %q", file, instances)
	}
	database, err := url.Parse(usher.Database)
	if err != nil || p.Services[database.Hostname()].Image == "" {
		t.Fatalf("%s: the database is at %v", file, usher.Database)
	}
	password, _ := database.User.Password()
	if pg := plain(p.Services[database.Hostname()].Environment); pg["POSTGRES_USER"] != database.User.Username() || pg["POSTGRES_PASSWORD"] != password || "/"+pg["POSTGRES_DB"] != database.Path {
		t.Errorf("%s: PostgreSQL is made with %v, used with %s", file, pg, database)
	}
	// The proxy has an address of the network; what it says of whom it asks for is believed.
	within := netip.MustParsePrefix(p.Networks["default"].Ipam.Config[0].Subnet)
	request := &http.Request{RemoteAddr: netip.AddrPortFrom(within.Addr().Next(), 1234).String(), Header: http.Header{"X-Forwarded-For": {"192.0.2.7"}}}
	if from := usher.Proxies.Addr(request).String(); from != "192.0.2.7" {
		t.Errorf("%s: users behind the proxy of %s all come from %s", file, within, from)
	}
	if usher.LiveKit.URL != "wss://livekit.example.com" || usher.PublicURL != "https://usher.example.com" {
		t.Errorf("%s: browsers are led to %s and %s", file, usher.LiveKit.URL, usher.PublicURL)
	}

	taken := map[string]string{}
	for _, name := range []string{"livekit-1", "livekit-2"} {
		s := p.Services[name]
		env := plain(s.Environment)
		cfg := livekitReads(t, file, env["LIVEKIT_CONFIG"])
		hooks(t, file, cfg, env["LIVEKIT_KEYS"], usher)
		host, port, err := net.SplitHostPort(cfg.Redis.Address)
		if err != nil || p.Services[host].Image == "" || port != "6379" || env["REDIS_PASSWORD"] != plain(p.Services[host].Environment)["REDIS_PASSWORD"] {
			t.Errorf("%s: %s looks for Redis at %s", file, name, cfg.Redis.Address)
		}
		published := map[string]string{}
		for _, p := range s.Ports {
			published[fmt.Sprintf("%s/%d", p.Protocol, p.Target)] = p.Published
			if other := taken[p.Protocol+p.Published]; other != "" {
				t.Errorf("%s: %s and %s take the same port", file, name, other)
			}
			taken[p.Protocol+p.Published] = name
		}
		// Clients are told the ports that a node listens on, so they must be the same outside.
		if tcp, udp := env["LIVEKIT_RTC_TCP_PORT"], env["UDP_PORT"]; published["tcp/"+tcp] != tcp || published["udp/"+udp] != udp || tcp == "" || udp == "" {
			t.Errorf("%s: %s listens on %s and %s, published is %v", file, name, tcp, udp, published)
		}
		livekitTakes(t, file, env)
	}

	proxied := p.Configs["caddyfile"].Content
	for _, to := range []string{
		fmt.Sprintf("usher.example.com {\n  reverse_proxy usher-1:%d usher-2:%d ", usher.Port, usher.Port), "livekit.example.com {\n  reverse_proxy livekit-1:7880 livekit-2:7880 ",
	} {
		if !strings.Contains(proxied, to) {
			t.Errorf("%s: the proxy lacks %q:\n%s", file, to, proxied)
		}
	}
}

// livekitTakes checks names of variables by LiveKit's own help.
func livekitTakes(t *testing.T, file string, env map[string]string) {
	t.Helper()
	help, err := exec.Command(livekitServer(t), "help-verbose").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, help)
	}
	for name := range env {
		if !regexp.MustCompile(`\$` + name + `\b`).Match(help) {
			t.Errorf("%s sets %s, which LiveKit doesn't read", file, name)
		}
	}
}

func plain(m types.MappingWithEquals) map[string]string {
	out := map[string]string{}
	for name, value := range m {
		if value != nil {
			out[name] = *value
		}
	}
	return out
}

// manifest reads the one object of a kind and name into v, as strictly as the cluster's API.
func manifest(t *testing.T, kind, name string, v any) {
	t.Helper()
	text, err := os.ReadFile(deployed + "kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, document := range strings.Split(string(text), "\n---\n") {
		var about struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if err := yaml.Unmarshal([]byte(document), &about); err != nil {
			t.Fatal(err)
		}
		if about.Kind != kind || about.Metadata.Name != name {
			continue
		}
		found++
		if about.Metadata.Namespace != "usher" && kind != "Namespace" {
			t.Errorf("%s %s is in the namespace %q", kind, name, about.Metadata.Namespace)
		}
		if err := yaml.UnmarshalStrict([]byte(document), v); err != nil {
			t.Fatalf("%s %s: %v", kind, name, err)
		}
	}
	if found != 1 {
		t.Fatalf("kubernetes.yaml has %d of %s %s", found, kind, name)
	}
}

func TestKubernetes(t *testing.T) {
	const file = "kubernetes.yaml"
	var space core.Namespace
	manifest(t, "Namespace", "usher", &space)
	var usherSecret, livekitSecret core.Secret
	manifest(t, "Secret", "usher", &usherSecret)
	manifest(t, "Secret", "livekit", &livekitSecret)
	var ushers apps.StatefulSet
	manifest(t, "StatefulSet", "usher", &ushers)
	var livekits, redis apps.Deployment
	manifest(t, "Deployment", "livekit", &livekits)
	manifest(t, "Deployment", "redis", &redis)
	var livekitConfig core.ConfigMap
	manifest(t, "ConfigMap", "livekit", &livekitConfig)

	// Usher: more than one, with settings that it takes once the secrets are put in.
	pod := ushers.Spec.Template
	c := pod.Spec.Containers[0]
	if *ushers.Spec.Replicas < 2 || c.EnvFrom[0].SecretRef.Name != usherSecret.Name {
		t.Errorf("%s: %d replicas of Usher, settings from %v", file, *ushers.Spec.Replicas, c.EnvFrom)
	}
	env := map[string]string{}
	for name, value := range usherSecret.StringData {
		env[name] = value
	}
	for _, e := range c.Env {
		env[e.Name] = e.Value
	}
	for name, real := range map[string]string{"ZOOM_VIDEO_SDK_KEY": sdkKey, "ZOOM_VIDEO_SDK_SECRET": sdkSecret, "USHER_API_KEYS": apiKey, "USHER_STORAGE_KEY": storageKey} {
		if env[name] != "change-me" {
			t.Errorf("%s: %s isn't for the reader to put in", file, name)
		}
		env[name] = real
	}
	usher := usherReads(t, file, env)
	runs(t, file, c.Args)
	if usher.Instance != "" {
		t.Errorf("%s: all replicas write the chain %s; left out it is the pod's name", file, usher.Instance)
	}
	if port := portNamed(c, "http"); int(port) != usher.Port {
		t.Errorf("%s: Usher listens on %d, the pod says %d", file, usher.Port, port)
	}
	if c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.LivenessProbe.HTTPGet.Path != "/healthz" {
		t.Errorf("%s: Usher's probes ask something else", file)
	}
	serves(t, "usher", int32(usher.Port), pod, ushers.Spec.Selector.MatchLabels)
	var budget policy.PodDisruptionBudget
	manifest(t, "PodDisruptionBudget", "usher", &budget)
	if budget.Spec.MinAvailable.IntValue() >= int(*ushers.Spec.Replicas) {
		t.Errorf("%s: no Usher may ever be taken away", file)
	}

	// LiveKit: on the machines' own network, with ports that clients are told.
	pod = livekits.Spec.Template
	c = pod.Spec.Containers[0]
	cfg := livekitReads(t, file, livekitConfig.Data["LIVEKIT_CONFIG"])
	hooks(t, file, cfg, livekitSecret.StringData["LIVEKIT_KEYS"], usher)
	if !pod.Spec.HostNetwork || pod.Spec.DNSPolicy != core.DNSClusterFirstWithHostNet {
		t.Errorf("%s: LiveKit must be on the machine's network and still find names of the cluster", file)
	}
	if c.EnvFrom[0].SecretRef.Name != livekitSecret.Name || c.EnvFrom[1].ConfigMapRef.Name != livekitConfig.Name {
		t.Errorf("%s: LiveKit gets %v", file, c.EnvFrom)
	}
	livekitTakes(t, file, livekitSecret.StringData)
	livekitTakes(t, file, livekitConfig.Data)
	for name, want := range map[string]int{"http": int(cfg.Port), "rtc-tcp": int(cfg.RTC.TCPPort), "rtc-udp": cfg.RTC.UDPPort.Start} {
		if port := portNamed(c, name); int(port) != want {
			t.Errorf("%s: LiveKit's %s is %d, the pod says %d", file, name, want, port)
		}
	}
	serves(t, "livekit", int32(cfg.Port), pod, livekits.Spec.Selector.MatchLabels)
	host, port, err := net.SplitHostPort(cfg.Redis.Address)
	if err != nil || host != "redis" {
		t.Fatalf("%s: LiveKit looks for Redis at %s", file, cfg.Redis.Address)
	}
	n, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	serves(t, host, int32(n), redis.Spec.Template, redis.Spec.Selector.MatchLabels)
	if ref := redis.Spec.Template.Spec.Containers[0].Env[0].ValueFrom.SecretKeyRef; ref.Name != livekitSecret.Name || livekitSecret.StringData[ref.Key] == "" {
		t.Errorf("%s: Redis has its password from %v", file, ref)
	}

	// From outside: the names that Usher tells browsers.
	var ingress networking.Ingress
	manifest(t, "Ingress", "usher", &ingress)
	for i, want := range []struct{ address, service string }{{usher.PublicURL, "usher"}, {usher.LiveKit.URL, "livekit"}} {
		rule := ingress.Spec.Rules[i]
		u, err := url.Parse(want.address)
		if err != nil || u.Host != rule.Host || rule.HTTP.Paths[0].Backend.Service.Name != want.service || !slices.Contains(ingress.Spec.TLS[0].Hosts, u.Host) {
			t.Errorf("%s: %s leads to %+v", file, want.address, rule)
		}
	}
}

func portNamed(c core.Container, name string) int32 {
	for _, p := range c.Ports {
		if p.Name == name {
			return p.ContainerPort
		}
	}
	return 0
}

// serves checks that the service of that name leads to the pods.
func serves(t *testing.T, name string, port int32, pod core.PodTemplateSpec, selected map[string]string) {
	t.Helper()
	var s core.Service
	manifest(t, "Service", name, &s)
	p := s.Spec.Ports[0]
	if p.Port != port || portNamed(pod.Spec.Containers[0], p.TargetPort.String()) != port {
		t.Errorf("the service %s leads from %d to %s, want %d", name, p.Port, p.TargetPort.String(), port)
	}
	for _, labels := range []map[string]string{s.Spec.Selector, selected} {
		for label, value := range labels {
			if pod.Labels[label] != value {
				t.Errorf("the service %s or its pods' owner looks for %s: %s, which they don't have", name, label, value)
			}
		}
	}
}

func TestContainer(t *testing.T) {
	text, err := os.ReadFile(deployed + "Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	main, err := os.ReadFile("../../deploy/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	// It is the other one but for what is built and how it is called.
	asMain := strings.NewReplacer(
		"deploy/rooms/Containerfile", "deploy/Containerfile",
		"COPY rooms/go.mod rooms/go.sum ./rooms/\n", "", "RUN cd rooms && ", "RUN ", " -o /usher-rooms .", " -o /usher ./cmd/usher", "usher-rooms", "usher",
		"to reach LiveKit and an identity\n# provider with, and a folder for a ledger in a file.", "to reach an identity provider with,\n# and a folder for the ledger.",
	).Replace(string(text))
	if asMain != string(main) {
		t.Errorf("deploy/rooms/Containerfile differs in more than what it builds:\n%s\n--- from\n%s", asMain, main)
	}
	runs(t, "Containerfile", []string{"serve"})
	runs(t, "Containerfile", []string{"health"})
}
