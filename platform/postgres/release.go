package postgres

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// oldestMajor is the oldest version that the schema runs on.
const oldestMajor = 15

// release is one version of PostgreSQL that can be fetched, with the SHA-256 of
// the archive for each platform. What is not listed is not fetched.
type release struct {
	version string
	major   int
	sums    map[string]string
}

// releases are newest first. The first is what a new data directory gets; the
// oldest supported major is there so that a data directory made with it can go
// on, and so that tests can run on it.
func releases() []release {
	return []release{
		{
			version: "18.4", major: 18,
			sums: map[string]string{
				"linux-amd64":        "401d4e69baba9072d3772607710df0d47b39a7632c6b01b2a5f5d85a9514e212",
				"linux-arm64v8":      "a9ec284923b9a7d2db41509bfb88c3d0eeb9f4aa5e2b29ea0aac5e8dbaf4c335",
				"darwin-amd64":       "68381ed1488edd337345c6c4bc6ae0c823832a4dd7af8b04656ee5c218c291b5",
				"darwin-arm64v8":     "ab698c4486a795d2aa8a158b3a41e1201a77e7ff72a6255094cd5900080853c2",
				"linux-amd64-alpine": "fe42b1e2a60eb4c50f6859bf17e933fd87f6ad701a1e72ac54070a67acc58e14",
			},
		},
		{
			version: "15.18", major: 15,
			sums: map[string]string{
				"linux-amd64":        "6490649298abbe834a969b57df53e66e056f76894054a8f32f7a56f33abe0087",
				"darwin-amd64":       "bf4ca4521474ab0ef31672de5e48f194a423770f1f668b0356bb69e166253707",
				"linux-amd64-alpine": "b0ffa33118c9cd0dc992f6709824b9a2fa48991ae54de8a79feb846c1603ae0a",
			},
		},
	}
}

// platform names this machine as the archives do. Alpine's C library is another
// one, and its programs are built apart.
func platform() string {
	arch := runtime.GOARCH
	if arch == "arm64" {
		arch = "arm64v8"
	}
	if runtime.GOOS == "linux" {
		if _, err := os.Stat("/etc/alpine-release"); err == nil {
			arch += "-alpine"
		}
	}
	return runtime.GOOS + "-" + arch
}

// archivePath is where a repository keeps the archive, below its address.
func (r release) archivePath(platform string) string {
	const group = "io/zonky/test/postgres"
	artifact := "embedded-postgres-binaries-" + platform
	version := r.version + ".0"
	return fmt.Sprintf("%s/%s/%s/%s-%s.jar", group, artifact, version, artifact, version)
}

// DefaultRepository is the address that binaries are fetched from, as the
// embedded-postgres library has it: the one thing of that library which is used.
// Its own fetching cannot be cancelled, goes on without a checksum, and ends by
// running what it got. The address is a private field there, so it is read by
// reflection; it is an error, seen by a test, should it ever be gone.
func DefaultRepository() (string, error) {
	field := reflect.ValueOf(embeddedpostgres.DefaultConfig()).FieldByName("binaryRepositoryURL")
	if !field.IsValid() || field.Kind() != reflect.String || field.String() == "" {
		return "", errors.New("the embedded-postgres library no longer says where it fetches from")
	}
	return field.String(), nil
}
