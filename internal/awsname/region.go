package awsname

import (
	"errors"
	"fmt"
	"strings"

	"spa-runner/internal/lazyregexp"
)

// regionForm is the example of every message about regions.
const regionForm = "eu-west-1"

var (
	// Wider than the patterns of the SDK's partition data, which list the first words: `mx` and `il` were not in them
	// either, a few years ago.
	regionPattern = lazyregexp.New(`^(?:[a-z]{2}|eusc)-(?:[a-z]{1,20}-){1,2}[1-9][0-9]?$`)

	// An availability zone, a local zone or a wavelength zone: eu-west-1a, us-west-2-lax-1a, us-east-1-wl1-bos-wlz-1.
	zonePattern = lazyregexp.New(`^((?:[a-z]{2}|eusc)-(?:[a-z]{1,20}-){1,2}[1-9][0-9]?)(?:[a-z]|-[a-z0-9-]+)$`)
)

// Region says whether s is written like a region: nil, or an error that quotes s and says what to write. Whether there is
// such a region, and CodeCommit in it, is for AWS to say.
func Region(s string) error {
	if regionPattern.MatchString(s) {
		return nil
	}
	if s == "" {
		return errors.New("the region is empty, it should look like " + regionForm)
	}
	if m := zonePattern.FindStringSubmatch(s); m != nil {
		return fmt.Errorf("%s is a zone, write its region, %s", quote(s), m[1])
	}
	tidy := strings.ToLower(strings.Trim(s, " \t\r\n\"'"))
	tidy = strings.NewReplacer("_", "-", " ", "-").Replace(tidy)
	if regionPattern.MatchString(tidy) {
		return fmt.Errorf("%s is not a region, write %s", quote(s), tidy)
	}
	return fmt.Errorf("%s is not a region, it should look like %s", quote(s), regionForm)
}

// PartitionOf gives the partition of a region, as it stands in ARNs. What no other partition claims is in `aws`, as in the
// SDK, so that the answer means something only where Region returned nil.
func PartitionOf(region string) string {
	partition, _ := partitionOf(region)
	return partition
}

// DNSSuffix gives the domain under which the services of a region are found: amazonaws.com in most, and not in China.
func DNSSuffix(region string) string {
	_, suffix := partitionOf(region)
	return suffix
}

// partitionOf is the partition data of the SDKs, without the regions; a test compares it with the SDK's own.
func partitionOf(region string) (partition, dnsSuffix string) {
	in := func(prefix string) bool { return strings.HasPrefix(region, prefix) }
	switch {
	case in("cn-"):
		return "aws-cn", "amazonaws.com.cn"
	case in("us-gov-"):
		return "aws-us-gov", "amazonaws.com"
	case in("eusc-"):
		return "aws-eusc", "amazonaws.eu"
	case in("us-iso-"):
		return "aws-iso", "c2s.ic.gov"
	case in("us-isob-"):
		return "aws-iso-b", "sc2s.sgov.gov"
	case in("eu-isoe-"):
		return "aws-iso-e", "cloud.adc-e.uk"
	case in("us-isof-"):
		return "aws-iso-f", "csp.hci.ic.gov"
	}
	return "aws", "amazonaws.com"
}
