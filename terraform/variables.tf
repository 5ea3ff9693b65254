# --- where
variable "region" {
  description = "AWS region."
  type        = string
}

variable "environment" {
  description = "Names every resource and decides what is protected."
  type        = string

  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "environment must be staging or production: it becomes ENVIRONMENT of every process."
  }
}

variable "domain" {
  description = "Host name of the API, for example ragline.example.org; becomes INGRESS_DOMAIN."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain must be a host name in lower case, for example ragline.example.org."
  }
}

variable "hosted_zone_id" {
  description = "Route 53 zone that gets the record of the domain; null where DNS is elsewhere (see the output load_balancer)."
  type        = string
  default     = null
}

variable "namespace" {
  description = "Kubernetes namespace of the release; the same as NAMESPACE of the scripts."
  type        = string
  default     = "ragline"
}

variable "tags" {
  description = "Further tags on everything."
  type        = map(string)
  default     = {}
}

# --- network
variable "vpc_cidr" {
  description = "Addresses of the VPC, a /16: a /20 per zone for nodes and pods, a /24 per zone for the rest."
  type        = string
  default     = "10.42.0.0/16"

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && endswith(var.vpc_cidr, "/16")
    error_message = "vpc_cidr must be a /16, for example 10.42.0.0/16."
  }
}

variable "availability_zones" {
  description = "How many zones are used. MSK's brokers are a multiple of it."
  type        = number
  default     = 3

  validation {
    condition     = contains([2, 3], var.availability_zones)
    error_message = "availability_zones must be 2 or 3."
  }
}

variable "nat_per_zone" {
  description = "One NAT gateway per zone; null means yes in production. With one for all, its zone's outage cuts the workers off their providers."
  type        = bool
  default     = null
}

variable "client_cidrs" {
  description = "Who may reach the API."
  type        = list(string)
  default     = ["0.0.0.0/0"]
}

variable "operator_cidrs" {
  description = "Who may reach the API of Kubernetes from outside the VPC, for example [\"203.0.113.7/32\"]; empty: nobody."
  type        = list(string)
  default     = []

  validation {
    condition     = !contains(var.operator_cidrs, "0.0.0.0/0") && !contains(var.operator_cidrs, "::/0")
    error_message = "operator_cidrs must name your addresses, not the whole Internet."
  }
}

# --- sizes (environments/*.tfvars has three)
variable "database" {
  description = "PostgreSQL: instance class, GiB at first and at most, whether a standby waits in another zone."
  type = object({
    instance_class  = string
    storage_gib     = number
    max_storage_gib = number
    multi_az        = bool
    backup_days     = number
  })
}

variable "postgres_version" {
  description = "Major version of PostgreSQL."
  type        = string
  default     = "17"

  validation {
    condition     = tonumber(var.postgres_version) >= 16
    error_message = "postgres_version must be 16 or newer: ragline's roles need it."
  }
}

variable "cache" {
  description = "Valkey, which shares the rate limits: node type and nodes."
  type = object({
    node_type = string
    nodes     = number
  })
}

variable "kafka" {
  description = "MSK: broker type, brokers per zone, GiB per broker."
  type = object({
    instance_type    = string
    brokers_per_zone = number
    storage_gib      = number
  })
}

variable "kafka_version" {
  description = "Version of Kafka as MSK writes it."
  type        = string
  default     = "3.9.x.kraft"
}

variable "services_nodes" {
  description = "Nodes of gateways, responders and the platform."
  type = object({
    instance_types = list(string)
    min            = number
    max            = number
  })
}

variable "processing_nodes" {
  description = "Nodes of parsers, chunkers and embedders; min may be 0, KEDA and the cluster autoscaler bring them up."
  type = object({
    instance_types = list(string)
    min            = number
    max            = number
    spot           = bool
  })
}

variable "kubernetes_version" {
  description = "Version of EKS."
  type        = string
  default     = "1.35"
}

variable "platform_versions" {
  description = "Chart versions of what runs in the cluster beside ragline."
  type        = map(string)
  default = {
    cert_manager       = "v1.20.2"
    cluster_autoscaler = "9.59.0"
    external_secrets   = "2.7.0"
    fluent_bit         = "0.1.35"
    keda               = "2.20.2"
    prometheus         = "88.3.0"
    traefik            = "39.0.0"
  }
}

# --- keeping and telling
variable "log_retention_days" {
  description = "Days that CloudWatch keeps logs."
  type        = number
  default     = 365
}

variable "deleted_files_days" {
  description = "Days that S3 keeps what was deleted or overwritten, as the last way back. A deleted document is really gone after these."
  type        = number
  default     = 7
}

variable "alarm_email" {
  description = "Who is told of alarms; null: nobody (subscribe to the topic yourself)."
  type        = string
  default     = null
}
