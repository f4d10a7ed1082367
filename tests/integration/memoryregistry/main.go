// A registry in memory with another implementation of the distribution specification 1.1 than the
// distribution registry's: it lists referrers, and refuses a manifest whose parts are not there.
package main

import (
	"log"
	"net/http"
	"os"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
)

func main() {
	log.Fatal(http.ListenAndServe(os.Args[1], ociserver.New(ocimem.New(), nil)))
}
