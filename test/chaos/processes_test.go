package chaos_test

import (
	"fmt"
	"strings"

	"semantik/testworld/victim"
)

const (
	serve  = "serve"
	worker = "worker"
)

// process is one that is killed, besides PostgreSQL.
type process struct {
	*victim.Program

	command string
}

// startProcesses starts two servers, which are what the clients and the watchers ask, and
// one worker or two. Whether the servers work as well is drawn.
func (c *chaos) startProcesses() {
	random := c.random(500)
	commands := []string{serve, serve, worker, worker}[:3+random.IntN(2)]
	concurrency := 2 * random.IntN(2)
	c.cast = fmt.Sprintf("servers: 2, with WORKER_CONCURRENCY=%d; workers: %d", concurrency, len(commands)-2)
	for _, command := range commands {
		home := c.t.TempDir()
		environ := []string{
			"HOME=" + home, "SEMANTIK_DATA=" + home, "DATABASE_URL=" + c.url, "DOCUMENT_ROOTS=" + c.root,
			"DB_POOL_SIZE=8", "DB_MAX_OVERFLOW=4", "CHUNK_PARTITION_COUNT=10", "OPERATION_LEASE_SECONDS=1",
		}
		p := process{command: command}
		if command == serve {
			p.Program = victim.NewProgram(c.t, append(environ,
				"SEMANTIK_ADMIN_PASSWORD="+password, "JWT_SECRET_KEY="+strings.Repeat("chaos ", 8), "BCRYPT_COST=4",
				"DISABLE_RATE_LIMITING=true", "WEBSOCKET_PING_SECONDS=1", "WEBSOCKET_MAX_PER_USER=10000",
				fmt.Sprintf("WORKER_CONCURRENCY=%d", concurrency)), serve)
			c.servers = append(c.servers, p.Program)
		} else {
			p.Program = victim.NewWorker(c.t, environ)
		}
		c.processes = append(c.processes, p)
		p.Start() // the first applies the schema
	}
	c.servers[0].AwaitLog("msg=serving") // and makes the first user
}
