# What the workbook's buildspec does in its shell, without pip and make, and
# failing open as it does there. It is the peer of `spa-runner run`, read by bash.
# Each part leaves the time at which it ended in the file $MARKS.
mark() { echo "$EPOCHREALTIME $1" >>"$MARKS"; }

mark start
echo "Assuming role to read private settings..."
export $(printf "AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=%s" \
	$(aws sts assume-role \
		--role-arn ${READ_SETTINGS_ROLE} \
		--role-session-name SettingsContext \
		--query "Credentials.[AccessKeyId,SecretAccessKey,SessionToken]" \
		--output text))
mark assume-settings-role

echo "Fetching private configuration files..."
git clone --depth 1 -b ${SETTINGS_GIT_BRANCH} ${SETTINGS_GIT_URL} settings
ls -al settings/${SETTINGS_ENVIRONMENT_PATH}
mark clone-settings

echo "Getting back to original service role..."
unset AWS_ACCESS_KEY_ID
unset AWS_SECRET_ACCESS_KEY
unset AWS_SESSION_TOKEN
if [ -f "settings/${SETTINGS_ENVIRONMENT_PATH}/variables.sh" ]; then
	cat settings/${SETTINGS_ENVIRONMENT_PATH}/variables.sh
	. settings/${SETTINGS_ENVIRONMENT_PATH}/variables.sh
fi
mark source-variables

echo "Fetching public code..."
git clone --depth 1 -b ${CODE_GIT_BRANCH} ${CODE_GIT_URL} code
mark clone-code

echo "Blending public code and private settings..."
cp -rf settings/${SETTINGS_ENVIRONMENT_PATH}/* code
cd code
ls -al
mark overlay-settings

echo "Assuming role to act on target environment..."
export $(printf "AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=%s" \
	$(aws sts assume-role \
		--role-arn ${DEPLOY_ENVIRONMENT_ROLE} \
		--role-session-name TargetUpdateContext \
		--query "Credentials.[AccessKeyId,SecretAccessKey,SessionToken]" \
		--output text))
mark assume-deploy-role
