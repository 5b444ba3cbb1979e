# Sourced before the code is cloned: it may pin the code and set what make sees.
export GREETING="hello from variables.sh"
