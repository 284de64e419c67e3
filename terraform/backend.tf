# Which bucket, key and region is told to `terraform init` by -backend-config: `make bootstrap`
# writes them to backend.hcl. Where this configuration is used as a module, terraform warns that it
# passes over this block, and that is all.
terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
