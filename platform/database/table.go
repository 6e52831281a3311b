package database

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"semantik/platform/apperr"
)

// MaxList is the most rows that one list returns; no list is unbounded.
const MaxList = 1000

// Table is what the repositories have in common: create, get, list, update and
// delete for a model T with a key of type K. A repository embeds none of it; it
// holds one and offers its own methods by their own names.
type Table[T any, K any] struct {
	DB *DB
	// Key is the column of the key.
	Key string
	// NotFound is the error for a key without a row.
	NotFound *apperr.Error
	// Updatable are the columns that Update accepts; any other is an error.
	Updatable []string
}

// Page asks for a part of a list.
type Page struct {
	// Offset is how many rows to pass over, 0 or more.
	Offset int
	// Limit is how many rows to give, 1 to [MaxList]; more is cut to that.
	Limit int
}

// Create inserts the row and fills in what the database has set.
func (t Table[T, K]) Create(ctx context.Context, row *T) error {
	if err := t.DB.Session(ctx).Create(row).Error; err != nil {
		return t.DB.Translate(err)
	}
	return nil
}

// Get reads one row, or returns NotFound.
func (t Table[T, K]) Get(ctx context.Context, key K, conditions ...Condition) (T, error) {
	var row T
	err := apply(t.DB.Session(ctx), conditions).Where(clause.Eq{Column: t.column(), Value: key}).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return row, t.NotFound
	}
	return row, t.DB.Translate(err)
}

// List reads a page of the rows that meet the conditions, in an order that must
// be total, and counts all of them.
func (t Table[T, K]) List(ctx context.Context, page Page, order string, conditions ...Condition) ([]T, int64, error) {
	var total int64
	var model T
	if err := apply(t.DB.Session(ctx).Model(&model), conditions).Count(&total).Error; err != nil {
		return nil, 0, t.DB.Translate(err)
	}
	rows := []T{}
	if total <= int64(page.Offset) {
		return rows, total, nil
	}
	err := apply(t.DB.Session(ctx), conditions).
		Order(order).
		Offset(max(page.Offset, 0)).
		Limit(min(max(page.Limit, 1), MaxList)).
		Find(&rows).Error
	return rows, total, t.DB.Translate(err)
}

// ListOnce is List for conditions that cost much: it asks them once of each row, for the
// total and the page together, and reads the page's rows by their keys. Conditions that
// an index serves are better off with List, whose count reads no rows.
func (t Table[T, K]) ListOnce(ctx context.Context, page Page, order string, conditions ...Condition) ([]T, int64, error) {
	var model T
	found := apply(t.DB.Session(ctx).Model(&model), conditions).
		Select("? as key, count(*) over () as total", t.column()).
		Order(order).
		Offset(max(page.Offset, 0)).
		Limit(min(max(page.Limit, 1), MaxList))
	var read []struct {
		Row   T `gorm:"embedded"`
		Total int64
	}
	err := t.DB.Session(ctx).Model(&model).
		Select("?.*, found.total", clause.Table{Name: clause.CurrentTable}).
		Joins("join (?) as found on found.key = ?", found, t.column()).
		Order(order).
		Scan(&read).Error
	if err != nil {
		return nil, 0, t.DB.Translate(err)
	}
	rows := make([]T, len(read))
	for i := range read {
		rows[i] = read[i].Row
	}
	if len(rows) > 0 {
		return rows, read[0].Total, nil
	}
	// Beyond the last page there is no row that has the total.
	var total int64
	if page.Offset > 0 {
		err = apply(t.DB.Session(ctx).Model(&model), conditions).Count(&total).Error
	}
	return rows, total, t.DB.Translate(err)
}

// Now is the database's time, as a value of [Table.Update].
func Now() any { return gorm.Expr("now()") }

// Update changes the given columns of one row, sets updated_at, and gives the
// row as it is then. A column that is not Updatable is an error, a key without a
// row is NotFound.
func (t Table[T, K]) Update(ctx context.Context, key K, changes map[string]any, conditions ...Condition) (T, error) {
	var row T
	set := map[string]any{"updated_at": gorm.Expr("now()")}
	for column, value := range changes {
		if !slices.Contains(t.Updatable, column) {
			return row, fmt.Errorf("column %q may not be updated", column)
		}
		set[column] = value
	}
	result := apply(t.DB.Session(ctx).Model(&row), conditions).
		Clauses(clause.Returning{}).
		Where(clause.Eq{Column: t.column(), Value: key}).
		Updates(set)
	if result.Error != nil {
		return row, t.DB.Translate(result.Error)
	}
	if result.RowsAffected == 0 {
		return row, t.NotFound
	}
	return row, nil
}

// Delete removes one row, or returns NotFound.
func (t Table[T, K]) Delete(ctx context.Context, key K, conditions ...Condition) error {
	var row T
	result := apply(t.DB.Session(ctx), conditions).Where(clause.Eq{Column: t.column(), Value: key}).Delete(&row)
	if result.Error != nil {
		return t.DB.Translate(result.Error)
	}
	if result.RowsAffected == 0 {
		return t.NotFound
	}
	return nil
}

func (t Table[T, K]) column() clause.Column {
	return clause.Column{Table: clause.CurrentTable, Name: t.Key}
}

// Condition narrows a statement.
type Condition func(*gorm.DB) *gorm.DB

// Where is a condition in SQL with its values.
func Where(sql string, args ...any) Condition {
	return func(db *gorm.DB) *gorm.DB { return db.Where(sql, args...) }
}

func apply(db *gorm.DB, conditions []Condition) *gorm.DB {
	for _, c := range conditions {
		db = c(db)
	}
	return db
}
