// A resource server: go-oidc, as Debian packages it, verifies Keyturn's access tokens alone, with the published keys.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/coreos/go-oidc"
)

func main() {
	issuer, audience := os.Getenv("ISSUER"), os.Getenv("AUDIENCE")
	keys := oidc.NewRemoteKeySet(context.Background(), os.Getenv("JWKS"))
	verifier := oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.RS256}})

	http.HandleFunc("/api/protected/", func(w http.ResponseWriter, r *http.Request) {
		raw := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		token, err := verifier.Verify(r.Context(), raw)
		var claims struct {
			Username  string
			TokenType string `json:"token_type"`
		}
		if err != nil || token.Claims(&claims) != nil || claims.TokenType != "access" {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			http.Error(w, fmt.Sprint("the token is not valid: ", err), http.StatusUnauthorized)
			return
		}
		json.NewEncoder(w).Encode(map[string]string{"message": "Hello, " + claims.Username + "! Your token is valid."})
	})

	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	panic(http.Serve(listener, nil))
}
