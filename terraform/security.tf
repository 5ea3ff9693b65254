# Keys, who may talk to whom, and who may do what. Policies are written as data, so that
# tests/security.tftest.hcl can read them: no action and no resource of them is a wildcard, save the
# five reads that AWS does not let anyone narrow down.

# --- keys: one per kind of data, rotated every year
locals {
  keys = {
    alarms    = "alarms on their way"
    cluster   = "secrets in the cluster"
    database  = "PostgreSQL and Valkey"
    documents = "documents in S3"
    images    = "container images"
    kafka     = "Kafka"
    logs      = "logs"
    secrets   = "secrets outside of the cluster"
  }

  # Services of AWS that use a key in their own name; the others use it in the name of who asks.
  key_services = {
    alarms = {
      service   = "cloudwatch.amazonaws.com"
      condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }
    logs = {
      service   = "logs.${var.region}.amazonaws.com"
      condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "${local.logs_arn}:*" } }
    }
  }

  key_uses = [
    "kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:DescribeKey",
    "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
  ]

  key_administration = [
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:CreateGrant", "kms:DeleteAlias", "kms:DisableKey",
    "kms:DisableKeyRotation", "kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus", "kms:ListAliases", "kms:ListGrants", "kms:ListKeyPolicies",
    "kms:ListResourceTags", "kms:ListRetirableGrants", "kms:PutKeyPolicy", "kms:RevokeGrant",
    "kms:RetireGrant", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource",
    "kms:UpdateAlias", "kms:UpdateKeyDescription",
  ]

  key_policies = {
    for name in keys(local.keys) : name => {
      Version = "2012-10-17"
      Statement = concat(
        [{ # the account's own IAM policies decide
          Sid       = "Account"
          Effect    = "Allow"
          Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
          Action    = concat(local.key_administration, local.key_uses)
          Resource  = "*" # this key: a key's policy speaks of nothing else
        }],
        [for key, user in local.key_services : {
          Sid       = "Service"
          Effect    = "Allow"
          Principal = { Service = user.service }
          Action    = local.key_uses
          Resource  = "*"
          Condition = user.condition
        } if key == name],
      )
    }
  }
}

resource "aws_kms_key" "main" {
  for_each = local.keys

  description             = "${local.name}: ${each.value}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = jsonencode(local.key_policies[each.key])
}

resource "aws_kms_alias" "main" {
  for_each = local.keys

  name          = "alias/${local.name}-${each.key}"
  target_key_id = aws_kms_key.main[each.key].key_id
}

# --- security groups: the load balancer reaches the nodes, nodes reach the servers, nothing else
locals {
  node_ports = {
    http  = { port = 80, node_port = 30080 } # redirects to https, and Let's Encrypt's challenge
    https = { port = 443, node_port = 30443 }
  }

  cluster_security_group_id = aws_eks_cluster.main.vpc_config[0].cluster_security_group_id

  # Server, its group, and the ports that nodes may reach.
  servers = {
    database  = { group = aws_security_group.database.id, from = 5432, to = 5432 }
    cache     = { group = aws_security_group.cache.id, from = 6379, to = 6379 }
    kafka     = { group = aws_security_group.kafka.id, from = 9096, to = 9096 } # SASL/SCRAM over TLS
    endpoints = { group = aws_security_group.endpoints.id, from = 443, to = 443 }
  }
}

resource "aws_security_group" "load_balancer" {
  name        = "${local.name}-load-balancer"
  description = "Clients to the load balancer."
  vpc_id      = aws_vpc.main.id
}

resource "aws_security_group" "database" {
  name        = "${local.name}-database"
  description = "Nodes to PostgreSQL."
  vpc_id      = aws_vpc.main.id
}

resource "aws_security_group" "cache" {
  name        = "${local.name}-cache"
  description = "Nodes to Valkey."
  vpc_id      = aws_vpc.main.id
}

resource "aws_security_group" "kafka" {
  name        = "${local.name}-kafka"
  description = "Nodes to Kafka."
  vpc_id      = aws_vpc.main.id
}

resource "aws_security_group" "endpoints" {
  name        = "${local.name}-endpoints"
  description = "Nodes to AWS services."
  vpc_id      = aws_vpc.main.id
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = {
    for pair in setproduct(keys(local.node_ports), var.client_cidrs) : join(" ", pair) => pair
  }

  description       = "Clients, ${each.value[0]}"
  security_group_id = aws_security_group.load_balancer.id
  cidr_ipv4         = each.value[1]
  ip_protocol       = "tcp"
  from_port         = local.node_ports[each.value[0]].port
  to_port           = local.node_ports[each.value[0]].port
}

resource "aws_vpc_security_group_egress_rule" "load_balancer" {
  for_each = local.node_ports

  description                  = "To the ingress controller, ${each.key}"
  security_group_id            = aws_security_group.load_balancer.id
  referenced_security_group_id = local.cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value.node_port
  to_port                      = each.value.node_port
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  for_each = local.node_ports

  description                  = "From the load balancer, ${each.key}"
  security_group_id            = local.cluster_security_group_id
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = each.value.node_port
  to_port                      = each.value.node_port
}

resource "aws_vpc_security_group_ingress_rule" "servers" {
  for_each = local.servers

  description                  = "From the nodes and pods"
  security_group_id            = each.value.group
  referenced_security_group_id = local.cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value.from
  to_port                      = each.value.to
}

# --- roles
locals {
  # Who may take on a role, which policies of AWS it has, and which of ours.
  roles = {
    cluster = {
      service  = "eks.amazonaws.com"
      managed  = ["AmazonEKSClusterPolicy"]
      policies = []
    }
    nodes = {
      service  = "ec2.amazonaws.com"
      managed  = ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy"]
      policies = []
    }
    flow-logs = {
      service  = "vpc-flow-logs.amazonaws.com"
      managed  = []
      policies = ["write-flow-logs"]
    }
    database-monitoring = {
      service  = "monitoring.rds.amazonaws.com"
      managed  = ["service-role/AmazonRDSEnhancedMonitoringRole"]
      policies = []
    }
    storage = {
      service  = "pods.eks.amazonaws.com"
      managed  = ["service-role/AmazonEBSCSIDriverPolicy"]
      policies = []
    }
    cluster-autoscaler = {
      service  = "pods.eks.amazonaws.com"
      managed  = []
      policies = ["scale-nodes"]
    }
    external-secrets = {
      service  = "pods.eks.amazonaws.com"
      managed  = []
      policies = ["read-secrets"]
    }
    fluent-bit = {
      service  = "pods.eks.amazonaws.com"
      managed  = []
      policies = ["write-logs"]
    }
    # Processes of ragline; the embedder meets no file, so it has no role.
    gateway   = { service = "pods.eks.amazonaws.com", managed = [], policies = ["read-files", "write-files"] }
    parser    = { service = "pods.eks.amazonaws.com", managed = [], policies = ["read-files", "write-files"] }
    chunker   = { service = "pods.eks.amazonaws.com", managed = [], policies = ["read-files"] }
    responder = { service = "pods.eks.amazonaws.com", managed = [], policies = ["read-files"] }
  }

  documents_arn = "arn:${local.partition}:s3:::${local.buckets.documents}"
  logs_arn      = "arn:${local.partition}:logs:${var.region}:${local.account}:log-group"

  policies = {
    read-files = [
      {
        Action   = ["s3:GetObject"]
        Resource = ["${local.documents_arn}/*"]
      },
      { # without it a missing file is "403" instead of "404"
        Action   = ["s3:ListBucket", "s3:GetBucketLocation"]
        Resource = [local.documents_arn]
      },
      {
        Action   = ["kms:Decrypt"]
        Resource = [aws_kms_key.main["documents"].arn]
      },
    ]
    write-files = [
      {
        Action   = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        Resource = ["${local.documents_arn}/*"]
      },
      {
        Action   = ["kms:GenerateDataKey"]
        Resource = [aws_kms_key.main["documents"].arn]
      },
    ]
    read-secrets = [
      {
        Action = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
        Resource = concat(
          [for name in sort(keys(local.secrets)) : aws_secretsmanager_secret.main[name].arn],
          [aws_db_instance.main.master_user_secret[0].secret_arn],
        )
      },
      {
        Action   = ["kms:Decrypt"]
        Resource = [aws_kms_key.main["secrets"].arn, aws_kms_key.main["database"].arn]
      },
    ]
    scale-nodes = [
      {
        Action = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
        Resource = [
          "arn:${local.partition}:autoscaling:${var.region}:${local.account}:autoScalingGroup:*:autoScalingGroupName/eks-*",
        ]
        Condition = {
          StringEquals = { "aws:ResourceTag/k8s.io/cluster-autoscaler/${local.name}" = "owned" }
        }
      },
      {
        Action   = ["eks:DescribeNodegroup"]
        Resource = ["arn:${local.partition}:eks:${var.region}:${local.account}:nodegroup/${local.name}/*/*"]
      },
      { # AWS does not narrow these down to a resource
        Action = [
          "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
          "autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities",
          "autoscaling:DescribeTags", "ec2:DescribeImages", "ec2:DescribeInstanceTypes",
          "ec2:DescribeLaunchTemplateVersions", "ec2:GetInstanceTypesFromInstanceRequirements",
        ]
        Resource = ["*"]
      },
    ]
    write-logs = [
      {
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = ["${local.logs_arn}:/ragline/${var.environment}/pods:*"]
      },
    ]
    write-flow-logs = [
      {
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = ["${local.logs_arn}:/ragline/${var.environment}/flow:*"]
      },
      {
        Action   = ["logs:DescribeLogGroups"]
        Resource = ["${local.logs_arn}:*"]
      },
    ]
  }

  policy_documents = {
    for name, statements in local.policies : name => {
      Version   = "2012-10-17"
      Statement = [for statement in statements : merge({ Effect = "Allow" }, statement)]
    }
  }

  bucket_policies = {
    for name, bucket in local.buckets : name => {
      Version = "2012-10-17"
      Statement = concat(
        [{
          Sid       = "OnlyOverTLS"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*" # a refusal: the wider, the safer
          Resource  = ["arn:${local.partition}:s3:::${bucket}", "arn:${local.partition}:s3:::${bucket}/*"]
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        }],
        [for writer in name == "access" ? ["logging.s3.amazonaws.com"] : [] : {
          Sid       = "AccessLogs"
          Effect    = "Allow"
          Principal = { Service = writer }
          Action    = "s3:PutObject"
          Resource  = "arn:${local.partition}:s3:::${bucket}/*"
          Condition = {
            ArnLike      = { "aws:SourceArn" = local.documents_arn }
            StringEquals = { "aws:SourceAccount" = local.account }
          }
        }],
      )
    }
  }
}

resource "aws_iam_role" "main" {
  for_each = local.roles

  name = "${local.name}-${each.key}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = each.value.service }
      Action = concat(
        ["sts:AssumeRole"], each.value.service == "pods.eks.amazonaws.com" ? ["sts:TagSession"] : [],
      )
    }]
  })
}

resource "aws_iam_policy" "main" {
  for_each = local.policies

  name   = "${local.name}-${each.key}"
  policy = jsonencode(local.policy_documents[each.key])
}

resource "aws_iam_role_policy_attachment" "main" {
  for_each = merge([
    for role, given in local.roles : { for policy in given.policies : "${role} ${policy}" => { role = role, policy = policy } }
  ]...)

  role       = aws_iam_role.main[each.value.role].name
  policy_arn = aws_iam_policy.main[each.value.policy].arn
}

resource "aws_iam_role_policy_attachment" "managed" {
  for_each = merge([
    for role, given in local.roles : { for policy in given.managed : "${role} ${policy}" => { role = role, policy = policy } }
  ]...)

  role       = aws_iam_role.main[each.value.role].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/${each.value.policy}"
}

# --- which pod has which role: by the names of the service accounts that the charts make
locals {
  pod_roles = {
    cluster-autoscaler = { namespace = "kube-system", account = "cluster-autoscaler" }
    external-secrets   = { namespace = "external-secrets", account = "external-secrets" }
    fluent-bit         = { namespace = "logging", account = "fluent-bit" }
    gateway            = { namespace = var.namespace, account = "ragline-gateway" }
    parser             = { namespace = var.namespace, account = "ragline-parser" }
    chunker            = { namespace = var.namespace, account = "ragline-chunker" }
    responder          = { namespace = var.namespace, account = "ragline-responder" }
  }
}

resource "aws_eks_pod_identity_association" "main" {
  for_each = local.pod_roles

  cluster_name    = aws_eks_cluster.main.name
  namespace       = each.value.namespace
  service_account = each.value.account
  role_arn        = aws_iam_role.main[each.key].arn
}

# --- secrets: here they are only places. What is in them, deployment/environment-setup.sh makes up or
# takes from your environment, so no state file and no plan has a secret in it.
locals {
  secrets = {
    application = "ragline/${var.environment}/application" # JWT_SECRET, the login of the database, Valkey's token
    providers   = "ragline/${var.environment}/providers"   # keys of LlamaParse, OpenAI, Anthropic
    kafka       = "AmazonMSK_${local.name}"                # MSK wants this prefix
  }
}

resource "aws_secretsmanager_secret" "main" {
  # checkov:skip=CKV2_AWS_57: rotated by a person, as docs/how-to/upgrade-and-roll-back.md says; PostgreSQL's own rotates by itself
  for_each = local.secrets

  name                    = each.value
  kms_key_id              = aws_kms_key.main["secrets"].arn
  recovery_window_in_days = local.is_protected ? 30 : 7
}

# MSK reads its users from this secret.
resource "aws_secretsmanager_secret_policy" "kafka" {
  secret_arn = aws_secretsmanager_secret.main["kafka"].arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "MSK"
      Effect    = "Allow"
      Principal = { Service = "kafka.amazonaws.com" }
      Action    = ["secretsmanager:GetSecretValue"]
      Resource  = aws_secretsmanager_secret.main["kafka"].arn
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}
