package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"semantik/app/client"
)

func newPartitions(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "partitions",
		Short: "Show how full and how well the partitions of the chunks are",
		Long: "Show how full the partitions of the chunks are, as bars, with what is wrong and what to do\n" +
			"about it. \"!\" marks a partition that gets dear, \"X\" one that needs something done. The numbers\n" +
			"are PostgreSQL's estimates. It is for superusers, and for no API key. It fails when an alert is\n" +
			"critical: data is wrong or cannot be loaded.\n\n" + signInRules,
		Example: "  semantik partitions\n  semantik partitions --json",
		Args:    cobra.NoArgs,
	}
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return s.withClient(cmd, func(ctx context.Context, c *client.Client) error {
			found, err := c.Partitions(ctx)
			if err != nil {
				return err
			}
			if *asJSON {
				err = s.json(found)
			} else {
				s.showPartitions(found)
			}
			return errors.Join(err, verdictOn(found.Health.Value))
		})
	}
	return withExitCodes(cmd)
}

// verdictOn is an error where somebody has to act now.
func verdictOn(h client.PartitionHealth) error {
	switch {
	case h.Status != "success":
		return fmt.Errorf("the server could not look at the partitions: %s", plain(h.Error))
	case h.Critical():
		return errors.New("an alert about the partitions is critical; see above, and docs/operations.md")
	default:
		return nil
	}
}

func (s *shell) showPartitions(p client.Partitions) {
	look := s.styleFor(s.stdout)
	numbers, summary := p.Statistics.Value.Statistics, p.Summary.Value
	s.printf("%s\n", look.bold(fmt.Sprintf("%s in %s of %s", counted(numbers.Chunks, "chunk", "chunks"),
		counted(len(summary.Partitions), "partition", "partitions"), counted(numbers.Collections, "collection", "collections"))))
	s.printf("%s, and %s of search rows; %s dead\n", mebibytes(numbers.SizeMB), mebibytes(numbers.SearchSizeMB), counted(numbers.DeadRows, "row", "rows"))
	s.printf("%s healthy, %s to watch (!), %s to act on (X)\n\n", grouped(int64(summary.Healthy)), grouped(int64(summary.Warning)), grouped(int64(summary.Unbalanced)))
	s.showBars(look, summary.Partitions)

	for _, a := range p.Health.Value.Alerts {
		colour := look.yellow
		if a.Level == "critical" {
			colour = look.red
		}
		s.printf("\n%s\n", colour(folded(a.Level+": "+a.Message, "")))
		if len(a.Details.Partitions) > 0 {
			s.printf("%s\n", folded("Partitions: "+numbersText(a.Details.Partitions), "  "))
		}
		s.printf("%s\n", folded(a.Action, "  "))
	}
	const shown = 10
	for i, r := range p.Recommendations.Value.Recommendations {
		if i == shown {
			s.printf("\n… and %s; --json lists all\n", counted(len(p.Recommendations.Value.Recommendations)-i, "further recommendation", "further recommendations"))
			break
		}
		about := "All partitions"
		if r.Partition != nil {
			about = fmt.Sprintf("Partition %d", *r.Partition)
		}
		s.printf("\n%s\n%s\n", look.bold(folded(about+" ("+strings.ToLower(r.Priority)+"): "+r.Reason, "")), folded(r.Action, "  "))
	}
}

// The chart has four columns of nineteen characters, and a space between two.
const (
	barColumns = 4
	barWidth   = 8
	pageWidth  = 80
)

// showBars draws a bar for each partition, in columns from the top down.
func (s *shell) showBars(look style, all []client.Partition) {
	most := int64(0)
	for _, p := range all {
		most = max(most, p.Chunks)
	}
	rows := (len(all) + barColumns - 1) / barColumns
	for row := range rows {
		var cells []string
		for i := row; i < len(all); i += rows {
			p := all[i]
			mark, colour := " ", func(text string) string { return text }
			switch p.HealthStatus {
			case "WARNING":
				mark, colour = "!", look.yellow
			case "UNBALANCED":
				mark, colour = "X", look.red
			}
			line := bar(p.Chunks, most)
			pad := strings.Repeat(" ", barWidth-utf8.RuneCountInString(line))
			cells = append(cells, fmt.Sprintf("%3d%s%s%s %6s", p.Num, colour(mark), colour(line), pad, short(p.Chunks)))
		}
		s.printf("%s\n", strings.Join(cells, " "))
	}
}

// bar is a bar of eighths of a character; whatever is not nothing shows.
func bar(n, most int64) string {
	if n <= 0 || most <= 0 {
		return ""
	}
	eighths := max(1, int(float64(n)/float64(most)*barWidth*8+0.5))
	line := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		line += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return line
}

// short writes a number in five characters or fewer: 999, 12.3k, 999k, 1.2M.
func short(n int64) string {
	value := float64(n)
	for _, unit := range []string{"", "k", "M", "G"} {
		switch {
		case unit == "" && n < 1000:
			return strconv.FormatInt(n, 10)
		case unit != "" && value < 99.95:
			return fmt.Sprintf("%.1f%s", value, unit)
		case unit != "" && value < 999.5:
			return fmt.Sprintf("%.0f%s", value, unit)
		}
		value /= 1000
	}
	return fmt.Sprintf("%.0fT", value)
}

// mebibytes writes a size for people.
func mebibytes(mib float64) string {
	switch {
	case mib >= 1<<20:
		return fmt.Sprintf("%.1f TiB", mib/(1<<20))
	case mib >= 1<<10:
		return fmt.Sprintf("%.1f GiB", mib/(1<<10))
	default:
		return fmt.Sprintf("%.1f MiB", mib)
	}
}

// numbersText lists numbers, with those that follow one another as a range.
func numbersText(nums []int) string {
	var parts []string
	for i := 0; i < len(nums); {
		last := i
		for last+1 < len(nums) && nums[last+1] == nums[last]+1 {
			last++
		}
		part := strconv.Itoa(nums[i])
		if last > i {
			part += fmt.Sprintf("-%d", nums[last])
		}
		parts = append(parts, part)
		i = last + 1
	}
	return strings.Join(parts, ", ")
}

// folded breaks a foreign text into lines of a page's width, each after the indent.
func folded(text, indent string) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(plain(text)) {
		if line != "" && utf8.RuneCountInString(indent+line+" "+word) > pageWidth {
			lines = append(lines, indent+line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, indent+line), "\n")
}
