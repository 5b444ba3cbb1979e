module spa-runner

go 1.26.0
