package iam

import (
	"strings"
	"testing"
)

func TestWhatIsNotKnownIsAnError(t *testing.T) {
	t.Parallel()
	const identity, resource = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"`, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Principal":`
	for name, c := range map[string]struct {
		kind       Kind
		statements string
		want       string
	}{
		"an element":                  {Identity, identity + `,"Conditions":{}}`, "Conditions"},
		"an effect":                   {Identity, `{"Effect":"allow","Action":"s3:GetObject","Resource":"*"}`, "effect"},
		"an operator":                 {Identity, identity + `,"Condition":{"StringMatches":{"aws:SourceArn":"x"}}}`, "operator"},
		"an operator of dates":        {Identity, identity + `,"Condition":{"DateLessThan":{"aws:SourceArn":"x"}}}`, "operator"},
		"a key":                       {Identity, identity + `,"Condition":{"StringEquals":{"aws:PrincipleArn":"x"}}}`, "key"},
		"a list without ForAnyValue":  {Identity, identity + `,"Condition":{"StringEquals":{"aws:TagKeys":"x"}}}`, "ForAnyValue"},
		"ForAllValues for one value":  {Identity, identity + `,"Condition":{"ForAllValues:StringEquals":{"aws:SourceArn":"x"}}}`, "ForAllValues"},
		"Null of any value":           {Identity, identity + `,"Condition":{"ForAnyValue:Null":{"aws:TagKeys":"true"}}}`, "no prefix"},
		"Null if it exists":           {Identity, identity + `,"Condition":{"NullIfExists":{"aws:SourceArn":"true"}}}`, "no prefix"},
		"no keys":                     {Identity, identity + `,"Condition":{"StringEquals":{}}}`, "no keys"},
		"an ARN that is none":         {Identity, identity + `,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3"}}}`, "no ARN"},
		"a Bool that is none":         {Identity, identity + `,"Condition":{"Bool":{"aws:SecureTransport":"no"}}}`, "neither true"},
		"a principal of an identity":  {Identity, identity + `,"Principal":"*"}`, "principal"},
		"no principal of a resource":  {Resource, identity + `}`, "principal"},
		"a resource of a trust":       {Trust, resource + `"*"}`, "resource"},
		"a kind of principal":         {Resource, resource + `{"Federated":"x"}}`, "Federated"},
		"a principal with a wildcard": {Resource, resource + `{"AWS":"arn:aws:iam::111111111111:role/*"}}`, "no principal"},
		"a service of nobody":         {Resource, resource + `{"Service":"*"}}`, "no principal"},
		"NotPrincipal":                {Resource, `{"Effect":"Deny","NotPrincipal":"*","Action":"s3:*","Resource":"*"}`, "NotPrincipal"},
		"an action":                   {Identity, `{"Effect":"Allow","Action":"GetObject","Resource":"*"}`, "no action"},
		"both actions":                {Identity, `{"Effect":"Allow","Action":"s3:*","NotAction":"s3:*","Resource":"*"}`, "both"},
		"no action":                   {Identity, `{"Effect":"Allow","Resource":"*"}`, "neither"},
		"no actions":                  {Identity, `{"Effect":"Allow","Action":[],"Resource":"*"}`, "empty"},
		"a resource":                  {Identity, `{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}`, "no resource"},
		"an empty resource":           {Identity, `{"Effect":"Allow","Action":"s3:*","Resource":["*",""]}`, "no resource"},
		"a variable":                  {Identity, `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/team}"}`, "variable"},
		"a variable with a default":   {Identity, `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username, 'x'}"}`, "variable"},
		"a variable of a condition":   {Identity, identity + `,"Condition":{"StringEquals":{"aws:SourceAccount":"${aws:username, 'x'}"}}}`, "variable"},
		"two of one Sid":              {Identity, `{"Sid":"A","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"A","Effect":"Allow","Action":"s3:*","Resource":"*"}`, "twice"},
		"a Sid":                       {Identity, `{"Sid":"a b","Effect":"Allow","Action":"s3:*","Resource":"*"}`, "letters"},
		"no statement":                {Identity, ``, "no statement"},
	} {
		if _, err := parse(c.kind, c.statements); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
	if _, err := Parse("old", Identity, map[string]any{"Version": "2008-10-17"}); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("an old version: %v", err)
	}
}

func TestAQuestionThatIsNoneIsAnError(t *testing.T) {
	t.Parallel()
	good := question{who: "role", own: allowGet}.request(t)
	for want, change := range map[string]func(*Request){
		"has an ARN or is a service": func(r *Request) { r.Principal.Service = "s3.amazonaws.com" },
		"has a session":              func(r *Request) { r.Principal.Session = "" },
		"no role, user or root":      func(r *Request) { r.Principal.ARN = "arn:aws:sts::111111111111:assumed-role/R/s" },
		"is no action":               func(r *Request) { r.Action = "s3:*" },
		"is no account":              func(r *Request) { r.Account = "1" },
		"is no ARN":                  func(r *Request) { r.Target = "bucket" },
		"one of an identity":         func(r *Request) { r.Policy = &r.Principal.Identity[0] },
		"policy of an identity":      func(r *Request) { r.Principal.Identity = []Policy{*parsed(t, Resource, bucketAll)} },
		"is not known":               func(r *Request) { r.Context = one("aws:PrincipleArn", "x") },
	} {
		r := good
		change(&r)
		if _, err := Decide(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
