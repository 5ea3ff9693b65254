# Everything that ragline needs in one AWS account and region. Read the files in this order:
# networking, security, database, upload-pipeline, agent-services, document-processing, monitoring.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
    helm = { # from 3 on, `kubernetes` below is an attribute instead of a block
      source  = "hashicorp/helm"
      version = "~> 2.17"
    }
  }

  # Filled in by `terraform init -backend-config=…`; README.md says how the bucket is made.
  backend "s3" {}
}

provider "aws" {
  region = var.region

  default_tags {
    tags = merge(local.tags, var.tags)
  }
}

# The token is valid for 15 minutes from when the cluster is there; the releases need about 8. If an
# apply takes longer, it says "Unauthorized": apply again, it goes on where it stopped.
data "aws_eks_cluster_auth" "main" {
  name = aws_eks_cluster.main.name
}

provider "helm" {
  kubernetes {
    host                   = aws_eks_cluster.main.endpoint
    cluster_ca_certificate = base64decode(aws_eks_cluster.main.certificate_authority[0].data)
    token                  = data.aws_eks_cluster_auth.main.token
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_availability_zones" "available" {
  # checkov:skip=CKV_AWS_394: the first zones by name are taken; AWS adds new ones behind them
  state = "available"

  filter { # no Local or Wavelength Zones: RDS, MSK and EKS need whole ones
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  name          = "ragline-${var.environment}"
  is_production = var.environment == "production"
  account       = data.aws_caller_identity.current.account_id
  partition     = data.aws_partition.current.partition

  # Production keeps what a slip would take: deletion is refused, snapshots and secrets stay.
  is_protected = local.is_production

  tags = {
    Project     = "ragline"
    Environment = var.environment
    ManagedBy   = "terraform"
  }
}
