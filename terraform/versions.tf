terraform {
  # 1.11 is the first with write-only arguments, by which secrets stay out of the state.
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # No lock file is kept: its hashes would be those of one platform only. So the pin is here.
      version = "~> 5.100"
    }
  }
}
