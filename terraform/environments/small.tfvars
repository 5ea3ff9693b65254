# Some 100 documents a day, a handful of people. Losing a zone means a restore.
environment        = "staging"
availability_zones = 2

database         = { instance_class = "db.t4g.medium", storage_gib = 50, max_storage_gib = 200, multi_az = false, backup_days = 7 }
cache            = { node_type = "cache.t4g.micro", nodes = 1 }
kafka            = { instance_type = "kafka.t3.small", brokers_per_zone = 1, storage_gib = 50 }
services_nodes   = { instance_types = ["m7i.large", "m6i.large"], min = 2, max = 4 }
processing_nodes = { instance_types = ["m7i.large", "m6i.large", "m5.large"], min = 0, max = 3, spot = true }
