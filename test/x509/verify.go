// SPDX-License-Identifier: Apache-2.0

// What Go's crypto/x509 says of certificates: lines of JSON in, as issue_main.c writes them, a line out for each:
// ok, time, unknown, usage, name, or what else is wrong with it.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

type line struct {
	Leaf, Intermediates, Roots, Name, Serial string
	At, NotBefore, NotAfter                  int64
}

func pool(text string) *x509.CertPool {
	p := x509.NewCertPool()
	p.AppendCertsFromPEM([]byte(text))
	return p
}

// form says what a leaf of the mesh must be beside verified; "" if it is.
func form(c *x509.Certificate, l line) string {
	switch {
	case c.Version != 3 || c.IsCA || !c.BasicConstraintsValid:
		return "version or constraints"
	case c.KeyUsage != x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment:
		return "key usage"
	case len(c.ExtKeyUsage) != 2 || len(c.UnknownExtKeyUsage) != 0:
		return "extended key usage"
	case len(c.UnhandledCriticalExtensions) != 0:
		return "an unknown critical extension"
	case len(c.Subject.Names) != 0 || len(c.EmailAddresses) != 0:
		return "a name that nobody asked for"
	case c.SerialNumber.Sign() <= 0 || !strings.EqualFold(fmt.Sprintf("%032x", c.SerialNumber), l.Serial):
		return fmt.Sprintf("serial %032x", c.SerialNumber)
	case c.NotBefore.Unix() != l.NotBefore || c.NotAfter.Unix() != l.NotAfter:
		return "times"
	}
	return ""
}

func named(c *x509.Certificate, name string) bool {
	if !strings.HasPrefix(name, "spiffe://") {
		return len(c.URIs) == 0 && c.VerifyHostname(name) == nil
	}
	return len(c.URIs) == 1 && c.URIs[0].String() == name && len(c.DNSNames)+len(c.IPAddresses) == 0
}

func verify(l line) string {
	block, rest := pem.Decode([]byte(l.Leaf))
	if block == nil || len(strings.TrimSpace(string(rest))) != 0 {
		return "not one PEM block"
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err.Error()
	}
	if what := form(c, l); what != "" {
		return what
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		_, err = c.Verify(x509.VerifyOptions{Roots: pool(l.Roots), Intermediates: pool(l.Intermediates),
			CurrentTime: time.Unix(l.At, 0), KeyUsages: []x509.ExtKeyUsage{usage}})
		var invalid x509.CertificateInvalidError
		var unknown x509.UnknownAuthorityError
		if errors.As(err, &invalid) {
			switch invalid.Reason {
			case x509.Expired:
				return "time"
			case x509.IncompatibleUsage:
				return "usage"
			case x509.CANotAuthorizedForThisName:
				return "name"
			}
		}
		if errors.As(err, &unknown) {
			return "unknown"
		}
		if err != nil {
			return err.Error()
		}
	}
	if !named(c, l.Name) {
		return "name"
	}
	return "ok"
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(strings.ReplaceAll(verify(l), "\n", " "))
	}
}
