//! What databases, caches, queues and name servers say, and what their clients say when these fail.
//!
//! In: nothing. Out: [`RULES`], part of the cause table. Such a message makes no 503 by itself, and it does not change
//! who answered: rows have no origin, but for the last, whose memory is that of the program itself. The shortest stable words are matched, since clients wrap texts at will.
//! Source: `PostgreSQL` 17, `MariaDB` 11.8, Redis 8, memcached 1.6, `RabbitMQ` 4, Kafka 4 clients, and those named per row.

use super::{BASE as NGINX_BASE, CauseRule};
use crate::cause::{ChangeKind, RuleKind, Scope};
use crate::taxonomy::{Cause, Origin, Server};

/// What a row does not say.
const BASE: CauseRule = CauseRule { server: Server::Dependency, ..NGINX_BASE };

const SRC_PG: &str = "PostgreSQL src/backend: postmaster, tcop, storage";
const SRC_PGCLIENT: &str = "PostgreSQL src/interfaces/libpq/fe-connect.c";
const SRC_BOUNCER: &str = "PgBouncer src/client.c, server.c (wordings unverified)";
const SRC_MYSQL: &str = "MySQL and MariaDB errmsg-utf8.txt, libmysql/errmsg.c";
const SRC_SQLCLIENT: &str = "Microsoft.Data.SqlClient Strings.resx; SQL Server sys.messages";
const SRC_REDIS: &str = "Redis src/server.c, networking.c, replication.c, cluster.c";
const SRC_REDISCLIENT: &str = "redis-py, Jedis, StackExchange.Redis, ioredis";
const SRC_MEMCACHED: &str = "memcached memcached.c, proto_text.c";
const SRC_RABBIT: &str = "RabbitMQ deps/rabbit/src/rabbit_alarm.erl, rabbit_reader.erl";
const SRC_AMQP: &str = "pika, kombu, celery";
const SRC_KAFKA: &str = "Apache Kafka clients NetworkClient.java, KafkaProducer.java";
const SRC_HIKARI: &str = "HikariCP HikariPool.java, PoolBase.java";
const SRC_POOL: &str =
    "SQLAlchemy lib/sqlalchemy/pool/impl.py; Apache Commons DBCP; Npgsql; Tomcat JDBC pool";
const SRC_RESOLVER: &str =
    "texts of getaddrinfo (EAI_NONAME, EAI_AGAIN), Go net/dnsclient, Java UnknownHostException";
const SRC_CONNECT: &str =
    "the text of ECONNREFUSED (111) and WSAECONNREFUSED (10061) as clients print it";
const SRC_TIMEOUT: &str = "Go net, Java SocketTimeoutException, Node, Python";

/// The rows, in order of priority.
pub(super) const RULES: &[CauseRule] = &[
    // PostgreSQL.
    CauseRule {
        id: "dependency.postgres_connections",
        needles: &[&[
            "sorry, too many clients already",
            "remaining connection slots are reserved for",
            "too many connections for role ",
            "too many connections for database ",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "PostgreSQL has no connection left",
        example: "FATAL:  sorry, too many clients already",
        source: SRC_PG,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_starting",
        needles: &[&[
            "the database system is starting up",
            "the database system is shutting down",
            "the database system is in recovery mode",
            "the database system is not yet accepting connections",
            "the database system is not accepting connections",
        ]],
        regex: "(?-u)the database system is (?<detail>[a-z ]+)",
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "PostgreSQL is starting, stopping or recovering",
        example: "FATAL:  the database system is starting up",
        source: SRC_PG,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_idle_end",
        needles: &[&[
            "terminating connection due to idle",
            "terminating connection due to conflict with recovery",
        ]],
        note: "PostgreSQL ended an idle or conflicting session",
        example: "FATAL:  terminating connection due to idle-in-transaction timeout",
        source: SRC_PG,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_terminated",
        needles: &[&[
            "terminating connection due to administrator command",
            "terminating connection due to immediate shutdown command",
            "terminating connection because of crash of another server process",
            "terminating connection due to unexpected postmaster exit",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "PostgreSQL ended sessions: a restart, a failover or a crash",
        example: "FATAL:  terminating connection due to administrator command",
        source: SRC_PG,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_process_killed",
        needles: &[&["server process (PID "], &["was terminated by signal 9"]],
        regex: "(?-u)PID (?<scope>[0-9]+)",
        cause: Some(Cause::OomKilled),
        kind: RuleKind::Trigger(ChangeKind::WorkerKilled),
        scope: Scope::Process,
        note: "a process of PostgreSQL was killed, mostly for memory: all sessions end",
        example: "server process (PID 4242) was terminated by signal 9: Killed",
        source: SRC_PG,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_process_crashed",
        needles: &[&["server process (PID "], &["was terminated by signal "]],
        regex: "(?-u)PID (?<scope>[0-9]+)",
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::WorkerCrashed),
        scope: Scope::Process,
        note: "a process of PostgreSQL crashed: all sessions end",
        example: "server process (PID 4242) was terminated by signal 11: Segmentation fault",
        source: SRC_PG,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_shutdown",
        needles: &[&[
            "received fast shutdown request",
            "received smart shutdown request",
            "received immediate shutdown request",
            "all server processes terminated; reinitializing",
            "^database system is shut down",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::ServiceStop),
        note: "PostgreSQL stops or starts again",
        example: "received fast shutdown request",
        source: SRC_PG,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_ready",
        needles: &[&[
            "database system is ready to accept connections",
            "database system is ready to accept read-only connections",
        ]],
        kind: RuleKind::StateUp,
        note: "PostgreSQL takes connections",
        example: "database system is ready to accept connections",
        source: SRC_PG,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_statement_timeout",
        needles: &[&[
            "canceling statement due to statement timeout",
            "canceling statement due to lock timeout",
            "deadlock detected",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Pressure,
        note: "a statement ran too long or waited for a lock",
        example: "ERROR:  canceling statement due to statement timeout",
        source: SRC_PG,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_no_memory",
        needles: &[&["ERROR:  out of memory", "ERROR:  out of shared memory"]],
        cause: Some(Cause::MemoryExhausted),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "PostgreSQL is out of memory",
        example: "ERROR:  out of shared memory",
        source: SRC_PG,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_full",
        needles: &[
            &["could not extend file "],
            &["wrote only ", "No space left on device", "Disk quota exceeded"],
        ],
        cause: Some(Cause::DiskFull),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "PostgreSQL has no disk space for its tables",
        example: r#"ERROR:  could not extend file "base/16384/16385": wrote only 4096 of 8192 bytes at block 7"#,
        source: "PostgreSQL src/backend/storage/smgr/md.c, mdextend",
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_no_fork",
        needles: &[&["could not fork new process for connection"]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "PostgreSQL cannot start a process for a connection",
        example: "could not fork new process for connection: Resource temporarily unavailable",
        source: SRC_PG,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_read_only",
        needles: &[&["cannot execute "], &["in a read-only transaction"]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "the database is read-only: a failover is under way",
        example: "ERROR:  cannot execute UPDATE in a read-only transaction",
        source: SRC_PG,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_login",
        needles: &[&["password authentication failed for user", "no pg_hba.conf entry for host"]],
        regex: r#"(?-u)for user "(?<scope>[^"]*)"|no pg_hba"#,
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "PostgreSQL refused a login",
        example: r#"FATAL:  password authentication failed for user "shop""#,
        source: SRC_PG,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_dns",
        needles: &[&["could not translate host name"]],
        regex: r#"(?-u)host name "(?<scope>[^"]*)""#,
        cause: Some(Cause::DnsFailure),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        scope: Scope::Name,
        note: "the name of the database server is not resolved",
        example: r#"could not translate host name "db" to address: Name or service not known"#,
        source: SRC_PGCLIENT,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_client",
        needles: &[
            &[
                "connection to server at ",
                "connection to server on socket ",
                "could not connect to server: ",
            ],
            &["failed: ", "refused", "timed out", "No such file"],
        ],
        regex: r#"(?-u)^(?s:.*?connection to server (?:at|on socket) "(?<scope>[^"]*)")?"#,
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        scope: Scope::Name,
        note: "PostgreSQL cannot be reached",
        example: r#"connection to server at "db" (10.0.0.5), port 5432 failed: Connection refused"#,
        source: SRC_PGCLIENT,
        ..BASE
    },
    CauseRule {
        id: "dependency.postgres_connection_lost",
        needles: &[&[
            "server closed the connection unexpectedly",
            "SSL SYSCALL error: EOF detected",
            "SQLSTATE[57P0",
            "SQLSTATE[08006]",
            "SQLSTATE[53300]",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "a connection to PostgreSQL was lost",
        example: "server closed the connection unexpectedly",
        source: SRC_PGCLIENT,
        ..BASE
    },
    CauseRule {
        id: "dependency.pgbouncer",
        needles: &[&[
            "no more connections allowed (max_client_conn)",
            "query_wait_timeout",
            "server_login_failed",
            "pgbouncer cannot connect to server",
            "server login has been failing",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "PgBouncer has no connection to give",
        example: "FATAL:  no more connections allowed (max_client_conn)",
        source: SRC_BOUNCER,
        ..BASE
    },
    // MySQL and MariaDB.
    CauseRule {
        id: "dependency.mysql_connections",
        needles: &[&[
            "ERROR 1040",
            "(1040, ",
            "[1040] Too many connections",
            "SQLSTATE[08004]",
            "SQLSTATE[HY000] [1040]",
            "Too many connections",
            "already has more than 'max_user_connections'",
            "is blocked because of many connection errors",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "MySQL has no connection left",
        example: "ERROR 1040 (08004): Too many connections",
        source: SRC_MYSQL,
        ..BASE
    },
    CauseRule {
        id: "dependency.mysql_dns",
        needles: &[&["Unknown MySQL server host", "Unknown server host "]],
        regex: "(?-u)host '(?<scope>[^']*)'",
        cause: Some(Cause::DnsFailure),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        scope: Scope::Name,
        note: "the name of the database server is not resolved",
        example: "Unknown MySQL server host 'db' (-2)",
        source: SRC_MYSQL,
        ..BASE
    },
    CauseRule {
        id: "dependency.mysql_unreachable",
        needles: &[&[
            "Can't connect to MySQL server on",
            "Can't connect to server on '",
            "Can't connect to local MySQL server through socket",
            "Can't connect to local server through socket",
            "SQLSTATE[HY000] [2002]",
            "SQLSTATE[HY000] [2003]",
            "Communications link failure",
        ]],
        regex: r"(?-u)^(?s:.*?(?:on|socket) '(?<scope>[^']*)' \((?<detail>[0-9]+))?",
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        scope: Scope::Name,
        note: "MySQL cannot be reached",
        example: "Can't connect to MySQL server on 'db' (111)",
        source: SRC_MYSQL,
        ..BASE
    },
    CauseRule {
        id: "dependency.mysql_lost",
        needles: &[&[
            "MySQL server has gone away",
            "Server has gone away",
            "Lost connection to MySQL server",
            "Lost connection to server",
            "SQLSTATE[HY000] [2006]",
            "SQLSTATE[HY000]: General error: 2006",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Pressure,
        note: "a connection to MySQL was lost; one that idled for long is normal",
        example: "MySQL server has gone away",
        source: SRC_MYSQL,
        ..BASE
    },
    CauseRule {
        id: "dependency.mysql_shutdown",
        needles: &[&[
            "Server shutdown in progress",
            "Received SHUTDOWN from user",
            ": Normal shutdown",
            "Starting crash recovery",
            "mysqld got signal ",
            "mariadbd got signal ",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::ServiceStop),
        note: "MySQL stops or starts again",
        example: "mysqld: Normal shutdown",
        source: SRC_MYSQL,
        ..BASE
    },
    CauseRule {
        id: "dependency.mysql_ready",
        needles: &[&["ready for connections."]],
        kind: RuleKind::StateUp,
        note: "MySQL takes connections",
        example: "mysqld: ready for connections.",
        source: SRC_MYSQL,
        ..BASE
    },
    CauseRule {
        id: "dependency.mysql_lock",
        needles: &[&[
            "Lock wait timeout exceeded; try restarting transaction",
            "Deadlock found when trying to get lock",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Pressure,
        note: "a statement waited too long for a lock",
        example: "Lock wait timeout exceeded; try restarting transaction",
        source: SRC_MYSQL,
        ..BASE
    },
    CauseRule {
        id: "dependency.mysql_full",
        needles: &[&["waiting for someone to free some space", "The table '"]],
        regex: "(?-u)waiting for someone|The table '(?<scope>[^']*)' is full",
        cause: Some(Cause::DiskFull),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        scope: Scope::Name,
        note: "a table or the disk of MySQL is full",
        example: "The table 'orders' is full",
        source: SRC_MYSQL,
        ..BASE
    },
    CauseRule {
        id: "dependency.mysql_read_only",
        needles: &[&[
            "is running with the --read-only option",
            "is running with the --super-read-only option",
            "SQLSTATE[HY000]: General error: 1290",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "the database is read-only: a failover is under way",
        example: "The MariaDB server is running with the --read-only option so it cannot execute this statement",
        source: SRC_MYSQL,
        ..BASE
    },
    CauseRule {
        id: "dependency.mysql_aborted",
        needles: &[&["Aborted connection "]],
        note: "a client of MySQL went away",
        example: "Aborted connection 9 to db: 'shop' user: 'a' host: 'h' (Got an error reading communication packets)",
        source: SRC_MYSQL,
        ..BASE
    },
    // SQL Server.
    CauseRule {
        id: "dependency.sqlserver_pool",
        needles: &[&[
            "prior to obtaining a connection from the pool",
            "The connection pool has been exhausted",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "the pool of database connections is empty",
        example: "Timeout expired.  The timeout period elapsed prior to obtaining a connection from the pool.",
        source: SRC_SQLCLIENT,
        ..BASE
    },
    CauseRule {
        id: "dependency.sqlserver_timeout",
        needles: &[&[
            "Connection Timeout Expired.",
            "Execution Timeout Expired.",
            "Error Number:-2,",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "SQL Server did not answer in time",
        example: "Execution Timeout Expired.  The timeout period elapsed prior to completion of the operation",
        source: SRC_SQLCLIENT,
        ..BASE
    },
    CauseRule {
        id: "dependency.sqlserver_unreachable",
        needles: &[&[
            "while establishing a connection to SQL Server",
            "A transport-level error has occurred",
            "during the pre-login handshake",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "SQL Server cannot be reached",
        example: "A network-related or instance-specific error occurred while establishing a connection to SQL Server.",
        source: SRC_SQLCLIENT,
        ..BASE
    },
    CauseRule {
        id: "dependency.sqlserver_refused",
        needles: &[&[
            r#"Cannot open database ""#,
            "is not currently available",
            "The request limit for the database is ",
            "Error Number:40613",
            "Error Number:10928",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "SQL Server refused the database",
        example: r#"Cannot open database "shop" requested by the login."#,
        source: SRC_SQLCLIENT,
        ..BASE
    },
    CauseRule {
        id: "dependency.sqlserver_login",
        needles: &[&["Login failed for user '", "Error: 18456, "]],
        regex: "(?-u)^(?s:.*?for user '(?<scope>[^']*)')?",
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Pressure,
        scope: Scope::Name,
        note: "SQL Server refused a login",
        example: "Login failed for user 'shop'.",
        source: SRC_SQLCLIENT,
        ..BASE
    },
    CauseRule {
        id: "dependency.sqlserver_log_full",
        needles: &[&["The transaction log for database ", "Could not allocate space for object "]],
        cause: Some(Cause::DiskFull),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "a file of SQL Server is full",
        example: "The transaction log for database 'shop' is full due to 'LOG_BACKUP'.",
        source: SRC_SQLCLIENT,
        ..BASE
    },
    CauseRule {
        id: "dependency.sqlserver_memory",
        needles: &[&["There is insufficient system memory"]],
        cause: Some(Cause::MemoryExhausted),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "SQL Server is out of memory",
        example: "There is insufficient system memory in resource pool to run this query.",
        source: SRC_SQLCLIENT,
        ..BASE
    },
    CauseRule {
        id: "dependency.sqlserver_stopped",
        needles: &[&["SQL Server is terminating", "SQL Trace was stopped due to server shutdown"]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::ServiceStop),
        note: "SQL Server stops",
        example: "SQL Server is terminating because of a system shutdown.",
        source: SRC_SQLCLIENT,
        ..BASE
    },
    CauseRule {
        id: "dependency.sqlserver_ready",
        needles: &[&["SQL Server is now ready for client connections"]],
        kind: RuleKind::StateUp,
        note: "SQL Server takes connections",
        example: "SQL Server is now ready for client connections.",
        source: SRC_SQLCLIENT,
        ..BASE
    },
    // Redis, Valkey, memcached.
    CauseRule {
        id: "dependency.redis_clients",
        needles: &[&["max number of clients", "maxclients has been reduced to "]],
        cause: Some(Cause::DependencyCache),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "Redis has no connection left",
        example: "ERR max number of clients reached",
        source: SRC_REDIS,
        ..BASE
    },
    CauseRule {
        id: "dependency.redis_memory",
        needles: &[&[
            "command not allowed when used memory > 'maxmemory'",
            "Out Of Memory allocating ",
        ]],
        cause: Some(Cause::DependencyCache),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "Redis is out of memory",
        example: "OOM command not allowed when used memory > 'maxmemory'.",
        source: SRC_REDIS,
        ..BASE
    },
    CauseRule {
        id: "dependency.redis_loading",
        needles: &[&["is loading the dataset in memory", "BusyLoadingError"]],
        cause: Some(Cause::DependencyCache),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "Redis started and still loads its data",
        example: "LOADING Redis is loading the dataset in memory",
        source: SRC_REDIS,
        ..BASE
    },
    CauseRule {
        id: "dependency.redis_persistence",
        needles: &[&[
            "MISCONF ",
            "Errors writing to the AOF file",
            "Background saving error",
            "Can't save in background: fork",
        ]],
        cause: Some(Cause::DependencyCache),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "Redis cannot save its data, and refuses writes",
        example: "MISCONF Redis is configured to save RDB snapshots, but is currently not able to persist on disk.",
        source: SRC_REDIS,
        ..BASE
    },
    CauseRule {
        id: "dependency.redis_cluster",
        needles: &[&[
            "CLUSTERDOWN ",
            "MASTERDOWN ",
            "READONLY You can't write against",
            "NOREPLICAS ",
            "Cluster state changed: fail",
            "Connection with master lost",
        ]],
        cause: Some(Cause::DependencyCache),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "Redis lost its master, or the cluster is down",
        example: "CLUSTERDOWN The cluster is down",
        source: SRC_REDIS,
        ..BASE
    },
    CauseRule {
        id: "dependency.redis_busy",
        needles: &[&["BUSY Redis is busy running a script"]],
        cause: Some(Cause::DependencyCache),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "a script blocks Redis",
        example: "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        source: SRC_REDIS,
        ..BASE
    },
    CauseRule {
        id: "dependency.redis_shutdown",
        needles: &[&[
            "User requested shutdown...",
            "Received SIGTERM scheduling shutdown",
            "Redis is now ready to exit, bye bye",
        ]],
        cause: Some(Cause::DependencyCache),
        kind: RuleKind::Trigger(ChangeKind::ServiceStop),
        note: "Redis stops",
        example: "User requested shutdown...",
        source: SRC_REDIS,
        ..BASE
    },
    CauseRule {
        id: "dependency.redis_ready",
        needles: &[&["Ready to accept connections"]],
        kind: RuleKind::StateUp,
        note: "Redis takes connections",
        example: "Ready to accept connections tcp",
        source: SRC_REDIS,
        ..BASE
    },
    CauseRule {
        id: "dependency.redis_accept",
        needles: &[&["Error accepting a client connection: "]],
        cause: Some(Cause::DependencyCache),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "Redis cannot take connections",
        example: "Error accepting a client connection: accept: x",
        source: SRC_REDIS,
        ..BASE
    },
    CauseRule {
        id: "dependency.redis_unreachable",
        needles: &[&[
            ":6379. Connection refused",
            ":6379: connect: connection refused",
            "ECONNREFUSED 127.0.0.1:6379",
            ":6379",
            "Redis connection to ",
            "MaxRetriesPerRequestError",
            "RedisConnectionException",
            "RedisTimeoutException",
            "redis.exceptions.ConnectionError",
            "redis.exceptions.TimeoutError",
            "JedisConnectionException",
        ]],
        regex: "(?-u)(?i)refused|timed? ?out|reset|closed|exception|error|unreachable|no such host|failed",
        cause: Some(Cause::DependencyCache),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "Redis cannot be reached",
        example: "Error 111 connecting to cache:6379. Connection refused.",
        source: SRC_REDISCLIENT,
        ..BASE
    },
    CauseRule {
        id: "dependency.redis_pool",
        needles: &[&["Could not get a resource from the pool", "No connection available."]],
        cause: Some(Cause::DependencyCache),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "the pool of Redis connections is empty",
        example: "Could not get a resource from the pool",
        source: SRC_REDISCLIENT,
        ..BASE
    },
    CauseRule {
        id: "dependency.memcached_memory",
        needles: &[&["SERVER_ERROR out of memory"]],
        cause: Some(Cause::DependencyCache),
        kind: RuleKind::Pressure,
        note: "memcached is out of memory",
        example: "SERVER_ERROR out of memory storing object",
        source: SRC_MEMCACHED,
        ..BASE
    },
    CauseRule {
        id: "dependency.memcached_large",
        needles: &[&["SERVER_ERROR object too large for cache"]],
        note: "a value is too large for memcached",
        example: "SERVER_ERROR object too large for cache",
        source: SRC_MEMCACHED,
        ..BASE
    },
    CauseRule {
        id: "dependency.memcached_connections",
        needles: &[&["Too many open connections"]],
        cause: Some(Cause::DependencyCache),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "memcached has no connection left",
        example: "Too many open connections",
        source: SRC_MEMCACHED,
        ..BASE
    },
    // Queues.
    CauseRule {
        id: "dependency.rabbitmq_alarm",
        needles: &[&[
            "resource limit alarm set on node",
            "Publishers will be blocked until this alarm clears",
        ]],
        regex: r"(?-u)^(?s:.*?(?<detail>memory|disk) resource limit alarm set on node '?(?<scope>[\w@.-]+))?",
        cause: Some(Cause::DependencyQueue),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        scope: Scope::Name,
        note: "RabbitMQ is short of memory or disk and blocks publishers",
        example: "memory resource limit alarm set on node 'rabbit@h'.",
        source: SRC_RABBIT,
        ..BASE
    },
    CauseRule {
        id: "dependency.rabbitmq_alarm_cleared",
        needles: &[&["resource limit alarm cleared", "alarm cleared on node"]],
        kind: RuleKind::StateUp,
        note: "RabbitMQ takes messages again",
        example: "memory resource limit alarm cleared on node 'rabbit@h'",
        source: SRC_RABBIT,
        ..BASE
    },
    CauseRule {
        id: "dependency.rabbitmq_limit",
        needles: &[&["connection limit ("]],
        cause: Some(Cause::DependencyQueue),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "RabbitMQ has no connection left",
        example: "connection refused: node connection limit (100) is reached",
        source: SRC_RABBIT,
        ..BASE
    },
    CauseRule {
        id: "dependency.rabbitmq_closed",
        needles: &[&[
            "closing AMQP connection ",
            "missed heartbeats from client",
            "client unexpectedly closed TCP connection",
            "handshake_timeout",
        ]],
        cause: Some(Cause::DependencyQueue),
        kind: RuleKind::Pressure,
        note: "a client of RabbitMQ went away",
        example: "closing AMQP connection <0.1.0> (10.0.0.4:5000 -> 10.0.0.5:5672):",
        source: SRC_RABBIT,
        ..BASE
    },
    CauseRule {
        id: "dependency.amqp_client",
        needles: &[&[
            "AMQPConnectionError",
            "StreamLostError",
            "ConnectionBlockedTimeout",
            "consumer: Cannot connect to amqp",
            "consumer: Connection to broker lost",
        ]],
        cause: Some(Cause::DependencyQueue),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "RabbitMQ cannot be reached",
        example: "[ERROR] consumer: Cannot connect to amqp://a@mq:5672//: [Errno 111] Connection refused.",
        source: SRC_AMQP,
        ..BASE
    },
    CauseRule {
        id: "dependency.kafka_unreachable",
        needles: &[&[
            "could not be established. Node may not be available",
            "could not be established. Broker may not be available",
            "NoBrokersAvailable",
            "Timed out waiting for a node assignment",
        ]],
        regex: r"(?-u)^(?s:.*?Connection to node \S+ \((?<scope>[^)]*)\))?",
        cause: Some(Cause::DependencyQueue),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        scope: Scope::Name,
        note: "Kafka cannot be reached",
        example: "Connection to node 1 (kafka/10.0.0.5:9092) could not be established. Node may not be available.",
        source: SRC_KAFKA,
        ..BASE
    },
    CauseRule {
        id: "dependency.kafka_librdkafka",
        // Level 6 is information: connections that were closed because nothing went over them.
        needles: &[&["|FAIL|", "|ERROR|", "|METADATA|"], &["#producer-", "#consumer-"], &["| "]],
        regex: r"(?-u)^%[0-5]\|[0-9.]+\|",
        cause: Some(Cause::DependencyQueue),
        kind: RuleKind::Pressure,
        note: "a Kafka client has trouble with a broker",
        example: "%3|1795209444.837|FAIL|app#producer-1| broker:9092/bootstrap: 3 request(s) timed out: disconnect",
        source: "librdkafka src/rdkafka.c, rd_kafka_log_print",
        ..BASE
    },
    CauseRule {
        id: "dependency.kafka_timeout",
        needles: &[
            &["not present in metadata after ", "Expiring ", "Failed to allocate "],
            &[" ms", " record(s) for ", "max blocking time"],
        ],
        cause: Some(Cause::DependencyQueue),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "Kafka did not take messages in time",
        example: "Topic orders not present in metadata after 60000 ms.",
        source: SRC_KAFKA,
        ..BASE
    },
    CauseRule {
        id: "dependency.kafka_bootstrap",
        needles: &[&["Bootstrap broker "], &[" disconnected"]],
        cause: Some(Cause::DependencyQueue),
        kind: RuleKind::Pressure,
        note: "a broker of Kafka closed the connection",
        example: "Bootstrap broker kafka:9092 (id: -1 rack: null) disconnected",
        source: SRC_KAFKA,
        ..BASE
    },
    CauseRule {
        id: "dependency.kafka_replicas",
        needles: &[&[
            "NOT_ENOUGH_REPLICAS",
            "fewer in-sync replicas than required",
            "LEADER_NOT_AVAILABLE",
            "NOT_LEADER_OR_FOLLOWER",
            "COORDINATOR_NOT_AVAILABLE",
        ]],
        cause: Some(Cause::DependencyQueue),
        kind: RuleKind::Pressure,
        note: "Kafka changes its leaders, or lacks replicas",
        example: "Messages are rejected since there are fewer in-sync replicas than required.",
        source: SRC_KAFKA,
        ..BASE
    },
    // Pools of connections.
    CauseRule {
        id: "dependency.pool_exhausted",
        needles: &[&["Connection is not available, request timed out after "]],
        regex: r"(?-u)(?:(?<scope>[\w.-]+) - )?Connection is not available, request timed out after (?<detail>[0-9]+ms)",
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        scope: Scope::Name,
        note: "the pool of database connections is empty",
        example: "HikariPool-1 - Connection is not available, request timed out after 30000ms (total=10, active=10, idle=0, waiting=57)",
        source: SRC_HIKARI,
        ..BASE
    },
    CauseRule {
        id: "dependency.pool_limit",
        needles: &[&["QueuePool limit of size "], &[" reached, connection timed out"]],
        regex: "(?-u)limit of size (?<detail>[0-9]+ overflow [0-9-]+)",
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "the pool of database connections is empty",
        example: "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00",
        source: SRC_POOL,
        ..BASE
    },
    CauseRule {
        id: "dependency.pool_timeout",
        needles: &[&[
            "Cannot get a connection, pool error",
            "Timeout waiting for idle object",
            "PoolExhaustedException",
            "could not obtain a database connection within",
            "TimeoutError: Knex: Timeout acquiring a connection",
            "ResourceRequest timed out",
            "SequelizeConnectionAcquireTimeoutError",
        ]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "the pool of database connections is empty",
        example: "Cannot get a connection, pool error Timeout waiting for idle object",
        source: SRC_POOL,
        ..BASE
    },
    CauseRule {
        id: "dependency.pool_validation",
        needles: &[&["Failed to validate connection "], &["shorter maxLifetime value"]],
        kind: RuleKind::Pressure,
        note: "a pooled connection had been closed by the other side",
        example: "HikariPool-1 - Failed to validate connection c (closed). Possibly consider using a shorter maxLifetime value.",
        source: SRC_HIKARI,
        ..BASE
    },
    CauseRule {
        id: "dependency.pool_broken",
        needles: &[&["marked as broken because of SQLSTATE("]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "a connection to the database was lost",
        example: "Connection c marked as broken because of SQLSTATE(08006), ErrorCode(0)",
        source: SRC_HIKARI,
        ..BASE
    },
    CauseRule {
        id: "dependency.pool_starvation",
        needles: &[&["Thread starvation or clock leap detected"]],
        kind: RuleKind::Pressure,
        note: "the process stood still for a while: garbage collection or no processor",
        example: "HikariPool-1 - Thread starvation or clock leap detected (housekeeper delta=1m2s).",
        source: SRC_HIKARI,
        ..BASE
    },
    CauseRule {
        id: "dependency.pool_leak",
        needles: &[&["Connection leak detection triggered for"]],
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Pressure,
        note: "a database connection was not given back in time",
        example: "Connection leak detection triggered for c on thread t",
        source: SRC_HIKARI,
        ..BASE
    },
    // Names that are not resolved, connections that fail. The port says what was to be reached.
    CauseRule {
        id: "dependency.dns_failure",
        needles: &[&[
            "getaddrinfo ENOTFOUND ",
            "getaddrinfo EAI_AGAIN ",
            "Name or service not known",
            "Temporary failure in name resolution",
            "no such host",
            "server misbehaving",
            "java.net.UnknownHostException",
            "nodename nor servname provided",
            "php_network_getaddresses: getaddrinfo",
        ]],
        regex: r"(?-u)^(?s:.*?(?:ENOTFOUND|EAI_AGAIN|lookup|UnknownHostException:) (?<scope>[\w.-]+))?",
        cause: Some(Cause::DnsFailure),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        scope: Scope::Name,
        note: "a name is not resolved",
        example: "Error: getaddrinfo ENOTFOUND db.internal",
        source: SRC_RESOLVER,
        ..BASE
    },
    CauseRule {
        id: "dependency.database_refused",
        needles: &[&[
            "ECONNREFUSED",
            "onnection refused",
            "ConnectionRefusedError",
            "actively refused it",
            "No connection could be made because",
            ":5432",
            ":3306",
            ":1433",
            ":27017",
            ":9042",
            ":1521",
        ]],
        regex: r"(?-u)(?i)(?:refused\D.*?(?<scope>[\w.-]+:(?:5432|3306|1433|27017|9042|1521))\b|(?:[\w.\]-]+:(?:5432|3306|1433|27017|9042|1521))\b.*(?:refused))",
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        scope: Scope::Name,
        note: "the database refused the connection",
        example: "Error: connect ECONNREFUSED 127.0.0.1:5432",
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "dependency.queue_refused",
        needles: &[&[
            "ECONNREFUSED",
            "onnection refused",
            "ConnectionRefusedError",
            "actively refused it",
            "No connection could be made because",
            ":5672",
            ":9092",
            ":4222",
            ":5671",
        ]],
        regex: r"(?-u)(?i)(?:refused\D.*?[\w.-]+:(?:5672|5671|9092|4222)\b|(?<scope>[\w.\]-]+:(?:5672|5671|9092|4222))\b.*(?:refused))",
        cause: Some(Cause::DependencyQueue),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        scope: Scope::Name,
        note: "the message queue refused the connection",
        example: "dial tcp 10.0.0.5:5672: connect: connection refused",
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "dependency.cache_refused",
        needles: &[&[
            "ECONNREFUSED",
            "onnection refused",
            "ConnectionRefusedError",
            "actively refused it",
            "No connection could be made because",
            ":11211",
        ]],
        regex: r"(?-u)(?i)(?:refused\D.*?[\w.-]+:11211\b|(?<scope>[\w.\]-]+:11211)\b.*(?:refused))",
        cause: Some(Cause::DependencyCache),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        scope: Scope::Name,
        note: "the cache refused the connection",
        example: "dial tcp 10.0.0.5:11211: connect: connection refused",
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "dependency.refused",
        needles: &[&[
            "ECONNREFUSED",
            "onnection refused",
            "ConnectionRefusedError",
            "actively refused it",
            "No connection could be made because",
        ]],
        cause: Some(Cause::UpstreamRefused),
        kind: RuleKind::Pressure,
        note: "something that the application calls refused the connection",
        example: "java.net.ConnectException: Connection refused",
        source: SRC_CONNECT,
        ..BASE
    },
    CauseRule {
        id: "dependency.database_timeout",
        needles: &[
            &[":5432", ":3306", ":1433", ":27017", ":9042"],
            &[
                "i/o timeout",
                "ETIMEDOUT",
                "connect timed out",
                "connection reset by peer",
                "context deadline exceeded",
            ],
        ],
        regex: r"(?-u)(?<scope>[\w.\]-]+:(?:5432|3306|1433|27017|9042))\b",
        cause: Some(Cause::DependencyDatabase),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        scope: Scope::Name,
        note: "the database did not answer in time",
        example: "dial tcp 10.0.0.5:5432: i/o timeout",
        source: SRC_TIMEOUT,
        ..BASE
    },
    CauseRule {
        id: "dependency.canceled",
        needles: &[&["context canceled"]],
        note: "the caller gave up",
        example: "rpc error: context canceled",
        source: SRC_TIMEOUT,
        ..BASE
    },
    CauseRule {
        id: "dependency.timeout",
        needles: &[&[
            "i/o timeout",
            "ETIMEDOUT",
            "ESOCKETTIMEDOUT",
            "connect timed out",
            "Read timed out",
            "context deadline exceeded",
            "SocketTimeoutException",
            "HttpClient.Timeout of ",
            "ReadTimeoutError(",
            "ConnectTimeoutError(",
            "net::ReadTimeout",
            "Net::ReadTimeout",
            "Net::OpenTimeout",
        ]],
        cause: Some(Cause::UpstreamTimeout),
        kind: RuleKind::Pressure,
        note: "something that the application calls did not answer in time",
        example: "java.net.SocketTimeoutException: Read timed out",
        source: SRC_TIMEOUT,
        ..BASE
    },
    CauseRule {
        id: "dependency.reset",
        needles: &[&[
            "ECONNRESET",
            "onnection reset by peer",
            "socket hang up",
            "RemoteDisconnected(",
        ]],
        cause: Some(Cause::UpstreamReset),
        kind: RuleKind::Pressure,
        note: "something that the application calls closed the connection",
        example: "Error: read ECONNRESET",
        source: SRC_TIMEOUT,
        ..BASE
    },
    CauseRule {
        id: "dependency.http_dependency",
        needles: &[&[
            "upstream connect error or disconnect/reset before headers",
            "no healthy upstream",
            "HttpServerErrorException$ServiceUnavailable",
            "503 Service Unavailable from ",
        ]],
        cause: Some(Cause::DependencyHttp),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "an HTTP service that the application calls is down",
        example: "payments answered 503: upstream connect error or disconnect/reset before headers. reset reason: connection failure",
        source: "Envoy source/common/http; Spring WebClient",
        ..BASE
    },
    CauseRule {
        id: "dependency.certificate_expired",
        needles: &[&[
            "certificate has expired",
            "CERT_HAS_EXPIRED",
            "x509: certificate has expired",
        ]],
        cause: Some(Cause::CertificateExpired),
        kind: RuleKind::Trigger(ChangeKind::DependencyFailed),
        note: "a certificate has expired",
        example: "x509: certificate has expired or is not yet valid",
        source: "Go crypto/x509, OpenSSL x509_vfy.c",
        ..BASE
    },
    CauseRule {
        id: "dependency.buffer_space",
        needles: &[&["SocketException (10055)"]],
        cause: Some(Cause::PortExhausted),
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "Windows has no ports or buffers left",
        example: "System.Net.Sockets.SocketException (10055): An operation on a socket could not be performed",
        source: "Windows Sockets error codes (WSAENOBUFS)",
        ..BASE
    },
    // The text of an error number, as any program writes it: behind those that say what failed for it.
    CauseRule {
        id: "app.no_fork",
        server: Server::Application,
        needles: &[&["Cannot allocate memory", "cannot allocate memory"]],
        cause: Some(Cause::MemoryExhausted),
        origin: Origin::LocalProcess,
        kind: RuleKind::Trigger(ChangeKind::ResourceExhausted),
        note: "the machine is out of memory",
        example: "fork/exec /usr/bin/convert: cannot allocate memory",
        source: "the text of ENOMEM (12)",
        ..BASE
    },
];
