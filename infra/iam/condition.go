package iam

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// condition is one key under one operator.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
type condition struct {
	key      string // in small letters
	operator string // without prefix and suffix
	negated  bool
	forAll   bool
	forAny   bool
	ifExists bool
	values   []string
}

// known are the condition keys that policies here may use: a key that is spelled
// wrong is in no request, and turns a Deny into nothing without a sound.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
// Of each is told whether a request can hold several values of it.
func known(key string) (isKnown, several bool) {
	switch key {
	case "aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:principaltype", "aws:principalisawsservice",
		"aws:principalservicename", "aws:sourcearn", "aws:sourceaccount", "aws:resourceaccount", "aws:requestedregion", "aws:securetransport",
		"aws:viaawsservice", "aws:username", "aws:userid", "aws:sourceidentity",
		"sts:externalid", "sts:rolesessionname", "s3:tlsversion", "s3:prefix", "s3:x-amz-server-side-encryption",
		"codebuild:artifacts", "codebuild:cache", "codebuild:encryptionkey",
		"codebuild:environment.certificate", "codebuild:environment.computetype", "codebuild:environment.fleet.fleetarn", "codebuild:environment.image",
		"codebuild:environment.imagepullcredentialstype", "codebuild:environment.privilegedmode", "codebuild:environment.registrycredential",
		"codebuild:environment.type", "codebuild:logsconfig", "codebuild:secondaryartifacts", "codebuild:secondarysources", "codebuild:servicerole",
		"codebuild:source.buildspec", "codebuild:source.location",
		"kms:viaservice", "iam:passedtoservice", "iam:permissionsboundary", "lambda:functionarn", "ec2:subnet", "ec2:authorizedservice", "ec2:authorizeduser", "ec2:vpc", "codecommit:references":
		return true, key == "codecommit:references"
	case "aws:principalservicenameslist", "aws:calledvia", "aws:tagkeys", "aws:principalorgpaths", "codebuild:environment.environmentvariables.name":
		return true, true
	}
	return false, false
}

func parseConditions(value any) (list []condition, err error) {
	if value == nil {
		return nil, nil
	}
	operators, ok := value.(map[string]any)
	if !ok || len(operators) == 0 {
		return nil, fmt.Errorf("its condition is %v", value)
	}
	for _, operator := range slices.Sorted(maps.Keys(operators)) {
		keys, ok := operators[operator].(map[string]any)
		if !ok || len(keys) == 0 {
			return nil, fmt.Errorf("its condition %s has no keys", operator)
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			c, err := parseCondition(operator, key, keys[key])
			if err != nil {
				return nil, fmt.Errorf("its condition %s on %s: %w", operator, key, err)
			}
			list = append(list, c)
		}
	}
	return list, nil
}

func parseCondition(operator, key string, value any) (c condition, err error) {
	c.key = strings.ToLower(key)
	isKnown, several := known(c.key)
	if !isKnown {
		return c, errors.New("the key is not known")
	}
	operator, c.forAll = strings.CutPrefix(operator, "ForAllValues:")
	operator, c.forAny = strings.CutPrefix(operator, "ForAnyValue:")
	operator, c.ifExists = strings.CutSuffix(operator, "IfExists")
	if several != (c.forAll || c.forAny) && operator != "Null" {
		return c, errors.New("ForAllValues or ForAnyValue stand where they may not, or do not where they must")
	}
	switch operator {
	case "StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "ArnNotEquals", "ArnNotLike":
		c.negated = true
		operator = strings.Replace(operator, "Not", "", 1)
	case "StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "Bool":
	case "Null":
		if c.ifExists || c.forAll || c.forAny {
			return c, errors.New("null takes no prefix or suffix")
		}
	default:
		return c, errors.New("the operator is not known")
	}
	c.operator = operator
	c.values, err = words(value)
	if err != nil {
		return c, err
	}
	for _, v := range c.values {
		if err := checkVariables(v); err != nil {
			return c, err
		}
		switch {
		case (operator == "Bool" || operator == "Null") && v != "true" && v != "false":
			return c, fmt.Errorf("%q is neither true nor false", v)
		case strings.HasPrefix(operator, "Arn") && v != "*" && len(strings.SplitN(v, ":", 6)) != 6:
			return c, fmt.Errorf("%q is no ARN", v)
		}
	}
	return c, nil
}

// holds tells whether a request's context meets the condition.
func (c condition) holds(context Context) bool {
	have, present := context[c.key]
	if c.operator == "Null" {
		return slices.Contains(c.values, map[bool]string{true: "false", false: "true"}[present])
	}
	if !present {
		return c.ifExists || c.forAll || c.negated && !c.forAny
	}
	matches := func(v string) bool {
		return slices.ContainsFunc(c.values, func(pattern string) bool { return c.matches(pattern, v, context) }) != c.negated
	}
	if c.forAny {
		return slices.ContainsFunc(have, matches)
	}
	return !slices.ContainsFunc(have, func(v string) bool { return !matches(v) })
}

func (c condition) matches(pattern, v string, context Context) bool {
	switch c.operator {
	case "Bool":
		return strings.EqualFold(pattern, v)
	case "ArnEquals", "ArnLike": // which are the same
		pattern, ok := fill(pattern, context, true)
		return ok && arnLike(pattern, v)
	case "StringLike":
		pattern, ok := fill(pattern, context, true)
		return ok && glob(pattern, v)
	}
	literal, ok := fill(pattern, context, false)
	return ok && (literal == v || c.operator == "StringEqualsIgnoreCase" && strings.EqualFold(literal, v))
}
