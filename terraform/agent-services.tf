# Where everything runs: the registry, the cluster, its nodes for gateways and responders, what runs
# beside ragline in the cluster, and the values that ragline's chart gets. The release itself belongs
# to Helm alone (deployment/deploy.sh), so that a rollback is one command and no plan undoes it.

# --- images
resource "aws_ecr_repository" "main" {
  name                 = local.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = !local.is_protected

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.main["images"].arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "main" {
  repository = aws_ecr_repository.main.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Enough to roll back to."
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 30 }
      action       = { type = "expire" }
    }]
  })
}

# --- the cluster
resource "aws_eks_cluster" "main" {
  name     = local.name
  version  = var.kubernetes_version
  role_arn = aws_iam_role.main["cluster"].arn

  enabled_cluster_log_types = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
  deletion_protection       = local.is_protected

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = true
  }

  encryption_config {
    resources = ["secrets"]

    provider {
      key_arn = aws_kms_key.main["cluster"].arn
    }
  }

  vpc_config {
    subnet_ids              = local.private_subnet_ids
    endpoint_private_access = true
    endpoint_public_access  = length(var.operator_cidrs) > 0
    public_access_cidrs     = length(var.operator_cidrs) > 0 ? var.operator_cidrs : null
  }

  depends_on = [
    aws_iam_role_policy_attachment.managed,
    aws_cloudwatch_log_group.main,
  ]
}

locals {
  # In the order in which they are wanted: nodes need the first three, the others need nodes.
  node_addons = {
    eks-pod-identity-agent = {}
    kube-proxy             = {}
    # The chart's network policies are enforced by it.
    vpc-cni = { enableNetworkPolicy = "true" }
  }

  addons = {
    aws-ebs-csi-driver = { defaultStorageClass = { enabled = true } } # encrypted gp3, for Prometheus
    coredns            = {}
    metrics-server     = {} # the gateways' autoscaler reads CPU from it
  }
}

resource "aws_eks_addon" "nodes" {
  for_each = local.node_addons

  cluster_name                = aws_eks_cluster.main.name
  addon_name                  = each.key
  configuration_values        = jsonencode(each.value)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
}

resource "aws_eks_addon" "main" {
  for_each = local.addons

  cluster_name                = aws_eks_cluster.main.name
  addon_name                  = each.key
  configuration_values        = jsonencode(each.value)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  dynamic "pod_identity_association" {
    for_each = each.key == "aws-ebs-csi-driver" ? [aws_iam_role.main["storage"].arn] : []

    content {
      role_arn        = pod_identity_association.value
      service_account = "ebs-csi-controller-sa"
    }
  }

  depends_on = [aws_eks_node_group.services]
}

# --- nodes
resource "aws_launch_template" "nodes" {
  name_prefix            = "${local.name}-nodes-"
  update_default_version = true

  # Pods must not become the node: version 2 alone, and one hop does not reach into a pod.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = 80
      encrypted             = true
      delete_on_termination = true
    }
  }

  monitoring {
    enabled = true
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume"])

    content {
      resource_type = tag_specifications.value
      tags          = merge(local.tags, var.tags, { Name = "${local.name}-node" })
    }
  }
}

resource "aws_eks_node_group" "services" {
  cluster_name    = aws_eks_cluster.main.name
  node_group_name = "services"
  node_role_arn   = aws_iam_role.main["nodes"].arn
  subnet_ids      = local.private_subnet_ids
  ami_type        = "AL2023_x86_64_STANDARD"
  instance_types  = var.services_nodes.instance_types
  labels          = { "ragline/nodes" = "services" }

  launch_template {
    id      = aws_launch_template.nodes.id
    version = aws_launch_template.nodes.latest_version
  }

  scaling_config {
    min_size     = var.services_nodes.min
    max_size     = var.services_nodes.max
    desired_size = var.services_nodes.min
  }

  update_config {
    max_unavailable = 1
  }

  lifecycle {
    ignore_changes = [scaling_config[0].desired_size] # the cluster autoscaler's
  }

  # Without a way out, a node that starts cannot join.
  depends_on = [aws_eks_addon.nodes, aws_iam_role_policy_attachment.managed, aws_route_table_association.private]
}

# --- what runs beside ragline
locals {
  platform = {
    keda = {
      repository = "https://kedacore.github.io/charts"
      chart      = "keda"
      namespace  = "keda"
      values     = { operator = { replicaCount = 2 }, prometheus = { operator = { enabled = true } } }
    }
    traefik = {
      repository = "https://traefik.github.io/charts"
      chart      = "traefik"
      namespace  = "traefik"
      values = {
        deployment   = { replicas = 2 }
        ingressClass = { enabled = true, isDefaultClass = true }
        # Local: a request stays on the node that it came to, so the client's address is seen.
        service = { type = "NodePort", spec = { externalTrafficPolicy = "Local" } }
        ports = {
          web = {
            nodePort = local.node_ports.http.node_port
            http     = { redirections = { entryPoint = { to = "websecure", scheme = "https", permanent = true } } }
          }
          websecure = {
            nodePort = local.node_ports.https.node_port
            # A large file on a slow line; answers stream for as long as they take.
            transport = { respondingTimeouts = { readTimeout = "900s", writeTimeout = "0s", idleTimeout = "180s" } }
          }
        }
        topologySpreadConstraints = [{
          maxSkew           = 1
          topologyKey       = "topology.kubernetes.io/zone"
          whenUnsatisfiable = "ScheduleAnyway"
          labelSelector     = { matchLabels = { "app.kubernetes.io/name" = "traefik" } }
        }]
      }
    }
    cert_manager = {
      repository = "https://charts.jetstack.io"
      chart      = "cert-manager"
      namespace  = "cert-manager"
      values     = { crds = { enabled = true } }
    }
    external_secrets = {
      repository = "https://charts.external-secrets.io"
      chart      = "external-secrets"
      namespace  = "external-secrets"
      values     = { serviceAccount = { name = "external-secrets" } }
    }
    cluster_autoscaler = {
      repository = "https://kubernetes.github.io/autoscaler"
      chart      = "cluster-autoscaler"
      namespace  = "kube-system"
      values = {
        awsRegion     = var.region
        autoDiscovery = { clusterName = local.name }
        rbac          = { serviceAccount = { name = "cluster-autoscaler" } }
        extraArgs     = { balance-similar-node-groups = true, scale-down-unneeded-time = "10m" }
      }
    }
    prometheus = local.prometheus
    fluent_bit = local.fluent_bit
  }
}

resource "helm_release" "platform" {
  for_each = local.platform

  name             = replace(each.key, "_", "-")
  repository       = each.value.repository
  chart            = each.value.chart
  version          = var.platform_versions[each.key]
  namespace        = each.value.namespace
  create_namespace = true
  values           = [yamlencode(each.value.values)]
  wait             = true
  timeout          = 600
  atomic           = true

  depends_on = [
    aws_eks_addon.main,
    aws_eks_pod_identity_association.main,
    aws_vpc_endpoint.interface,
    aws_route_table_association.private,
    aws_vpc_security_group_ingress_rule.servers,
  ]
}

# --- what ragline's chart is told of all this; `terraform output -raw chart_values`
locals {
  # A pod asks this address of its node for its role.
  pod_identity = { to = [{ ipBlock = { cidr = "169.254.170.23/32" } }], ports = [{ protocol = "TCP", port = 80 }] }
  isolated     = [for zone in local.zones : { ipBlock = { cidr = local.isolated_cidrs[zone] } }]

  on_processing_nodes = {
    nodeSelector = { (local.processing.key) = local.processing.value }
    tolerations  = [merge(local.processing, { operator = "Equal" })]
  }

  chart_values = {
    image = { repository = aws_ecr_repository.main.repository_url }

    config = {
      ENVIRONMENT             = var.environment
      DEPLOYMENT_MODE         = "cloud"
      BLOB_URL                = "s3://${local.buckets.documents}/ragline"
      KAFKA_BOOTSTRAP_SERVERS = aws_msk_cluster.main.bootstrap_brokers_sasl_scram
      KAFKA_SECURITY_PROTOCOL = "SASL_SSL"
      KAFKA_SASL_MECHANISM    = "SCRAM-SHA-512"
      KAFKA_SASL_USERNAME     = "ragline"
      KAFKA_REPLICATION       = local.kafka_properties["default.replication.factor"]
      TRUSTED_PROXIES         = join(",", [for zone in local.zones : local.private_cidrs[zone]])
      INGRESS_DOMAIN          = var.domain
    }

    secrets           = { existingSecret = "ragline" }
    extraVolumes      = [{ name = "database-ca", configMap = { name = "ragline-database-ca" } }]
    extraVolumeMounts = [{ name = "database-ca", mountPath = "/etc/ragline/database-ca", readOnly = true }]

    gatewayDefaults = {
      nodeSelector = { "ragline/nodes" = "services" }
      reaches      = ["database", "kafka", "redis", "https", "telemetry", "podIdentity"]
    }

    workerDefaults = {
      reaches = ["database", "kafka", "https", "telemetry", "podIdentity"]
    }

    workers = {
      parser    = local.on_processing_nodes
      chunker   = local.on_processing_nodes
      embedder  = local.on_processing_nodes
      responder = { nodeSelector = { "ragline/nodes" = "services" } }
    }

    ingress = {
      enabled   = true
      className = "traefik"
      host      = var.domain
    }

    networkPolicy = {
      ingressFrom = [{ namespaceSelector = { matchLabels = { "kubernetes.io/metadata.name" = "traefik" } } }]
      destinations = {
        database    = { to = local.isolated, ports = [{ protocol = "TCP", port = 5432 }] }
        kafka       = { to = local.isolated, ports = [{ protocol = "TCP", port = 9096 }] }
        redis       = { to = local.isolated, ports = [{ protocol = "TCP", port = 6379 }] }
        podIdentity = local.pod_identity
      }
    }

    monitoring = {
      serviceMonitor = { enabled = true }
      prometheusRule = { enabled = true }
      dashboards     = { enabled = true }
    }
  }
}
