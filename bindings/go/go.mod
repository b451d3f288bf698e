module github.com/cnproc/cnproc/bindings/go

go 1.19
