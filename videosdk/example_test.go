package videosdk_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/usher-sessions/usher/videosdk"
)

// In a server, key and secret come from its configuration, and now is time.Now().
var (
	exampleCredentials = videosdk.Credentials{Key: "Kx8TzQb1R9mW4vLd7YpN2g", Secret: "pL3nV8sQ2xW7bT5yC9mK4rJ6hD1gF0zA8eUq"}
	exampleNow         = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
)

func ExampleSigner_Sign() {
	signer, err := videosdk.NewSigner(exampleCredentials)
	if err != nil {
		fmt.Println(err)
		return
	}
	signature, err := signer.Sign(videosdk.Grant{SessionName: "Cool Cars", Role: videosdk.Host, UserKey: "u1"}, exampleNow)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(signature)
	// Output:
	// eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBfa2V5IjoiS3g4VHpRYjFSOW1XNHZMZDdZcE4yZyIsInJvbGVfdHlwZSI6MSwidHBjIjoiQ29vbCBDYXJzIiwidmVyc2lvbiI6MSwiaWF0IjoxNzgyOTA3MTcwLCJleHAiOjE3ODI5MTQ0MDAsInVzZXJfa2V5IjoidTEiLCJ1c2VyX2lkZW50aXR5IjoidTEifQ.Nc618DWCtn7VOQpgg8fQA1hsiB0fY6wrAEQeIbe2OxQ
}

// All that is wrong with a grant is reported at once, by field.
func ExampleSigner_Check() {
	signer, err := videosdk.NewSigner(exampleCredentials)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = signer.Check(videosdk.Grant{SessionName: "", Life: time.Minute, GeoRegions: []string{"DE", "FR"}})
	var faults videosdk.FieldErrors
	if errors.As(err, &faults) {
		for _, f := range faults {
			fmt.Printf("%s: %s\n", f.Field, f.Reason)
		}
	}
	// Output:
	// sessionName: is required and can't be empty
	// expirationSeconds: is 60; it must be between 1800 and 172800
	// geoRegions: names "FR"; allowed are AU,BR,CA,DE,HK,IN,JP,CN,MX,NL,SG,US
}

func ExampleSigner_Validity() {
	signer, err := videosdk.NewSigner(exampleCredentials)
	if err != nil {
		fmt.Println(err)
		return
	}
	issued, expires := signer.Validity(exampleNow, 48*time.Hour)
	fmt.Println(issued)
	fmt.Println(expires, "is 48 h later: the back-dating counts")
	// Output:
	// 2026-07-01 11:59:30 +0000 UTC
	// 2026-07-03 11:59:30 +0000 UTC is 48 h later: the back-dating counts
}

func ExampleVerifier_Verify() {
	const signature = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBfa2V5IjoiS3g4VHpRYjFSOW1XNHZMZDdZcE4yZyIsInJvbGVfdHlwZSI6MCwidHBjIjoiQ29vbCBDYXJzIiwidmVyc2lvbiI6MSwiaWF0IjoxNzgyOTA3MTcwLCJleHAiOjE3ODI5MTQ0MDB9.Cmjp0jGqUQXU732SMP52HolYSBv5iRXJosjbJPNp2lU"
	verifier, err := videosdk.NewVerifier([]videosdk.Credentials{exampleCredentials}, videosdk.WithLeeway(30*time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	claims, err := verifier.Verify(signature, exampleNow)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("a %s in %q until %s\n", claims.Role, claims.SessionName, claims.ExpiresAt.Format(time.TimeOnly))

	_, err = verifier.Verify(signature, exampleNow.Add(3*time.Hour))
	fmt.Println(err)
	fmt.Println(errors.Is(err, videosdk.ErrExpired))
	// Output:
	// a participant in "Cool Cars" until 14:00:00
	// signature has expired: exp: 1h0m0s ago
	// true
}

// While a secret is being changed, both pairs are given.
func ExampleNewVerifier() {
	_, err := videosdk.NewVerifier([]videosdk.Credentials{
		{Key: "Kx8TzQb1R9mW4vLd7YpN2g", Secret: "pL3nV8sQ2xW7bT5yC9mK4rJ6hD1gF0zA8eUq"},
		{Key: "Kx8TzQb1R9mW4vLd7YpN2g", Secret: "YOUR_VIDEO_SDK_SECRET_HERE"},
	})
	fmt.Println(err)
	// Output:
	// videosdk: credentials[1].secret is still a placeholder; put the SDK secret from the Zoom app marketplace in its place
}

// Credentials can be printed and logged: the secret stays hidden.
func ExampleCredentials() {
	fmt.Println(exampleCredentials)
	fmt.Println(videosdk.Credentials{Key: "Kx8TzQb1R9mW4vLd7YpN2g", Secret: "too short"}.Warnings()[0])
	// Output:
	// {Key:Kx8TzQb1R9mW4vLd7YpN2g Secret:[secret hidden]}
	// The SDK secret is 9 bytes long; HS256 asks for at least 32 (RFC 7518, 3.2). Check that it was copied whole.
}
